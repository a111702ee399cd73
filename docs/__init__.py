"""The pages, and what keeps them true: generate (reference), shown (text from the code), played (text from a shell)."""
