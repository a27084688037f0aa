"""A token engine in strings of "0" and "1": slow, and written without looking at the other one.

It is the oracle: everything is done as one would on paper, with a different formulation of each step
(the CRC divides polynomials the plain way round, the cipher moves characters). Tests compare the engine
with it, the vector generator asks it for a second opinion, and the benchmark measures against it.
"""

S1 = (12, 10, 8, 4, 3, 15, 0, 2, 14, 1, 5, 13, 6, 9, 7, 11)
S2 = (6, 9, 7, 4, 3, 10, 12, 14, 2, 13, 1, 15, 0, 11, 8, 5)
P = (
    *(29, 27, 34, 9, 16, 62, 55, 2, 40, 49, 38, 25, 33, 61, 30, 23),
    *(1, 41, 21, 57, 42, 15, 5, 58, 19, 53, 22, 17, 48, 28, 24, 39),
    *(3, 60, 36, 14, 11, 52, 54, 12, 31, 51, 10, 26, 0, 45, 37, 43),
    *(44, 6, 59, 4, 7, 35, 56, 50, 13, 18, 32, 47, 46, 63, 20, 8),
)


def binary(value, width):
    """The value as a string of bits, most significant first."""
    text = bin(value)[2:]
    return "0" * (width - len(text)) + text


def crc(message):
    """CRC-16 of a string of whole bytes by long division, the bits of each byte turned round."""
    turned = "".join(message[at : at + 8][::-1] for at in range(0, len(message), 8))
    register = "1" * 16
    for bit in turned:
        feed = register[0] != bit
        register = register[1:] + "0"
        if feed:
            register = "".join(
                "1" if (a != b) else "0" for a, b in zip(register, "1000000000000101", strict=True)
            )
    register = register[::-1]
    return register[8:] + register[:8]


def block(token_class, subclass, data):
    """The 64 bits of a token in clear."""
    content = binary(token_class, 2) + binary(subclass, 4) + binary(data, 44)
    message = "0" * 6 + content
    if token_class == 0 and subclass in (4, 5, 6, 7):
        message += "00000001"
    return content[2:] + crc(message)


def sta_encrypt(key, text):
    """EA07 with the sample tables; both are strings of 64 bits."""
    turning = "".join("1" if bit == "0" else "0" for bit in key)
    turning = turning[-12:] + turning[:-12]
    for _ in range(16):
        nibbles = []
        for at in range(0, 64, 4):
            table = S2 if turning[at] == "1" else S1
            nibbles.append(binary(table[int(text[at : at + 4], 2)], 4))
        text = "".join(nibbles)
        moved = ["0"] * 64
        for source in range(64):
            moved[63 - P[source]] = text[63 - source]
        text = "".join(moved)
        turning = turning[1:] + turning[0]
    return text


def with_class(text, token_class):
    """66 bits: the class takes the places of bits 28 and 27, which move to the front."""
    return text[35:37] + text[:35] + binary(token_class, 2) + text[37:]


def digits(text):
    """66 bits as 20 digits."""
    number = str(int(text, 2))
    return "0" * (20 - len(number)) + number


def amount(units):
    """The 16 bits of an amount, by trying every exponent and counting up."""
    offset = 0
    for exponent in range(4):
        steps = 0
        while offset + steps * 10**exponent < units and steps <= 16383:
            steps += max(1, (units - offset) // 10**exponent - steps)
        if steps <= 16383:
            return binary(exponent, 2) + binary(steps, 14)
        offset += 16384 * 10**exponent
    raise ValueError("too large")


def sta_token(token_class, subclass, data, key):
    """A whole token under EA07; the key is a number."""
    return digits(with_class(sta_encrypt(binary(key, 64), block(token_class, subclass, data)), token_class))
