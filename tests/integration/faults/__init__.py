"""What happens to runs when a part dies under them."""
