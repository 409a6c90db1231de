"""Relations between columns: rules that users declare, their language, and what breaks them."""
