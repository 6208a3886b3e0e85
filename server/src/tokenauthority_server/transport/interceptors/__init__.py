"""What every call goes through before and after the code of its method: see chain.py."""
