"""The batch runner's process: claims batch work and does it, through the same pipeline as a gateway's requests."""
