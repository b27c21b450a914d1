"""Pictures: uploading them, sharing posters and codes, and serving what is stored."""
