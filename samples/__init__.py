"""Sample inputs of the demo organisation, and what makes them."""
