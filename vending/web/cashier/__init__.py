"""The till: find, quote, take money, show the token."""
