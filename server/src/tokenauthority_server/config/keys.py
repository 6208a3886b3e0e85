"""The secrets that are keys: what makes them fit to use.

Errors are ValueErrors whose text holds nothing of the secret.
"""

import base64
import binascii

KEY_BYTES = 32
MAKE_A_KEY = "Make one with: openssl rand -base64 32"
_FEW_CHARACTERS = 8
# What tutorials, templates and samples put in place of a secret, without case and punctuation.
_EXAMPLES = (
    "changeme",
    "changethis",
    "changeit",
    "changeinproduction",
    "replaceme",
    "replacethis",
    "replacewith",
    "placeholder",
    "donotuse",
    "dontuse",
    "yoursecret",
    "yourjwt",
    "yoursuper",
    "yourkey",
    "mysecret",
    "jwtsecret",
    "tokensecret",
    "supersecret",
    "topsecret",
    "verysecret",
    "secretkey",
    "secretpassword",
    "notasecret",
    "thisisasecret",
    "thisisthesecret",
    "insecure",
    "password",
    "keyboardcat",
    "correcthorse",
    "example",
    "atleast32",
    "atleast256",
    "32characters",
    "256bit",
    "123456789",
    "abcdefghi",
    "qwertyuiop",
    "deadbeef",
    # FastAPI's tutorial; RFC 7515, appendix A.1; RFC 7520, section 3.5.
    "09d25e094faa6ca2556c818166b7a956",
    "aym1sysppbydfgzld3umj1qzkobwvmkoqqestjqlr",
    "hjtxiz2usn5kbqfbttnwbpdmhkv8fjgonbc6mxccyg",
)
# A public key in the place of a secret is known to everybody.
_KEY_TEXTS = ("-----BEGIN", "ssh-", "ecdsa-sha2-", '"kty"')


def read_key_encryption_keys(text: str) -> tuple[bytes, ...]:
    """The keys of 32 bytes, the one that seals first, from comma-separated base64."""
    keys: list[bytes] = []
    for number, part in enumerate(text.split(","), start=1):
        key = _decode(part.strip())
        if key is None or len(key) != KEY_BYTES:
            raise ValueError(
                f"key {number} is not base64 of {KEY_BYTES} bytes; several keys are separated by "
                f"commas. {MAKE_A_KEY}"
            )
        if len(set(key)) == 1:
            raise ValueError(f"key {number} is one byte repeated, which is no key. {MAKE_A_KEY}")
        if key in keys:
            raise ValueError(f"key {number} stands there twice. Remove one of the two")
        keys.append(key)
    return tuple(keys)


def check_jwt_secret(secret: str) -> None:
    """Returns when the secret may sign with HS256 (at least 32 bytes, by RFC 7518 section 3.2)."""
    if any(part in secret for part in _KEY_TEXTS):
        raise ValueError(
            "is the text of a key, and no secret. Keys come as files, in SIGNING_KEYS_DIR, without "
            f"JWT_ALGORITHM=HS256. {MAKE_A_KEY}"
        )
    if len(secret.encode()) < KEY_BYTES:
        raise ValueError(f"must have at least {KEY_BYTES} bytes. {MAKE_A_KEY}")
    if len(set(secret)) < _FEW_CHARACTERS:
        raise ValueError(f"repeats a few characters, which can be guessed. {MAKE_A_KEY}")
    plain = "".join(filter(str.isalnum, secret.lower()))
    if any(example in plain for example in _EXAMPLES):
        raise ValueError(f"is a well-known example, which can be guessed. {MAKE_A_KEY}")


def check_no_sealing_key(secret: str, sealing_keys: str) -> None:
    """Returns when the secret is none of KEY_ENCRYPTION_KEY's, however it is written."""
    if _decode(secret.strip()) in read_key_encryption_keys(sealing_keys):
        raise ValueError(f"is one of KEY_ENCRYPTION_KEY's, which seals. {MAKE_A_KEY}")


def _decode(text: str) -> bytes | None:
    """Base64, standard or URL-safe, padded or not; nothing when it is neither."""
    standard = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return None
    except ValueError:
        # Characters beyond ASCII.
        return None
