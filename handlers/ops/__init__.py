"""What the operators' screen asks for."""
