"""Changed model files and streams, and what comes of them."""
