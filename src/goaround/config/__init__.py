"""goaround.toml and release manifests as frozen values."""
