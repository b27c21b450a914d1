"""Reviewing what people publish before others see it, and reporting it after."""
