"""What is checked before others see it, and what people report."""
