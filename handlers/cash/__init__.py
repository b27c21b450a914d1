"""Paying for red packets, WeChat Pay's notices, and who paid whom."""
