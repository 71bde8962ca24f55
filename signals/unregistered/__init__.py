"""What pulled costs and evals name that nobody registered: found, counted, and answered by a person."""
