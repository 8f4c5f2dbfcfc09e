"""What may come: scores of persons and appliances, with their reasons."""
