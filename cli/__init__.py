"""The console script `portcullis`: runs in an agent's own checkout, needs no portal, nothing but Python's library."""
