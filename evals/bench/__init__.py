"""The same articles, schema and GGUF through this project and what a user would pick instead; see README.md."""
