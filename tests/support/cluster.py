"""A Kubernetes cluster, as far as it signs the tokens of its service accounts."""

import json
import time
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER: Final = "https://kubernetes.default.svc"
AUDIENCE: Final = "tokenauthority"


class Cluster:
    """Signs as an API server does; `jwks` is what it publishes."""

    def __init__(self, algorithm: str = "RS256", key_id: str = "one") -> None:
        self._algorithm = algorithm
        self._key_id = key_id
        self._key: Any = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if algorithm == "RS256"
            else ec.generate_private_key(ec.SECP256R1())
        )

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key, with the members that API servers give it."""
        scheme = jwt.get_algorithm_by_name(self._algorithm)
        members = json.loads(scheme.to_jwk(self._key.public_key()))
        members.pop("key_ops", None)
        return {**members, "kid": self._key_id, "alg": self._algorithm, "use": "sig"}

    @property
    def jwks(self) -> str:
        return json.dumps({"keys": [self.jwk]})

    def token(
        self,
        namespace: str = "wakedock",
        name: str = "api",
        /,
        *,
        header: Any = None,
        **claims: Any,
    ) -> str:
        """A token of a service account; a claim of None is left out."""
        now = int(time.time())
        payload = {
            "aud": [AUDIENCE],
            "exp": now + 3600,
            "iat": now,
            "nbf": now,
            "iss": ISSUER,
            "jti": "6b1c2d3e-0000-4000-8000-000000000000",
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "kubernetes.io": {
                "namespace": namespace,
                "pod": {"name": f"{name}-0", "uid": "1"},
                "serviceaccount": {"name": name, "uid": "2"},
            },
        } | claims
        return jwt.encode(
            {name: value for name, value in payload.items() if value is not None},
            self._key,
            self._algorithm,
            headers={"kid": self._key_id} | (header or {}),
        )
