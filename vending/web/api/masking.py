"""A name of which enough is left to ask “is it you?”, and too little to tell who it is."""


def masked(name: str) -> str:
    """`Coffee Corner` becomes `C••••• C•••••`: always five dots, so that not even the length of a word is told."""
    return " ".join(f"{word[0]}•••••" for word in name.split() if word)
