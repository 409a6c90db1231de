"""Changes model files and streams, and checks what comes of them."""
