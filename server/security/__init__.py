"""Keys and sealing, random codes, certificates, addresses behind proxies, plain text."""
