"""What is printed, shown and sent about a sale: one content, many forms."""
