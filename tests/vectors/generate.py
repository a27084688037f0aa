"""Makes tests/vectors/ampoule.jsonl: the same file from the same seed, on any machine.

    python tests/vectors/generate.py            writes the file
    python tests/vectors/generate.py --check    says whether the file is what would be written

Every positive answer was given by the engine in its reference form, and agreed by a second implementation:
the bit-string oracle (benchmarks/oracles/naive.py) for framing and EA07, the table form for EA11 (which the tests
compare with Botan). A negative vector is a good one that was broken in one place, named in `broken`.
"""

import importlib.util
import json
import random
import sys
from pathlib import Path

from sts import answer, ciphers, keys
from sts.errors import StsError

HERE = Path(__file__).parent
FILE = HERE / "ampoule.jsonl"
SEED = 62055

_specification = importlib.util.spec_from_file_location(
    "naive", HERE.parents[1] / "benchmarks" / "oracles" / "naive.py"
)
naive = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(naive)

EDGES_OF_AMOUNT = (0, 1, 16383, 16384, 16385, 16394, 180213, 180214, 180215, 180223, 180224, 180225)
EDGES_OF_AMOUNT += (1818524, 1818525, 1818623, 1818624, 1818625, 18201623, 18201624)


class Generator:
    def __init__(self):
        self.random = random.Random(SEED)
        self.vectors = []

    # ---- parts

    def hex(self, length):
        return self.random.randbytes(length).hex()

    def digits(self, length):
        return "".join(self.random.choice("0123456789") for _ in range(length))

    def key(self, ea):
        return self.hex(keys.DECODER_KEY_BYTES[ea])

    def tid(self):
        return self.random.choice((0, 1, 2, (1 << 24) - 1, self.random.randrange(1 << 24)))

    # ---- lines

    def good(self, kind, inputs, rule):
        expected = answer.answer(kind, inputs)
        self.second_opinion(kind, inputs, expected)
        self._add(kind, inputs, {"expected": expected, "rule": rule})

    def bad(self, kind, inputs, code, broken):
        try:
            answer.answer(kind, inputs)
        except StsError as error:
            came = answer.code_of(error)
        else:
            came = None
        assert came == code, (kind, inputs, came, code)
        self._add(kind, inputs, {"error": code, "broken": broken})

    def _add(self, kind, inputs, rest):
        sample = (inputs.get("ea") == "07" and "decoder_key" in "".join(inputs)) or kind.startswith("ea07")
        identity = f"A-{len(self.vectors) + 1:03d}-{kind}"
        confidence = "TWO-OF-OURS" if "expected" in rest else "RULE"
        self.vectors.append(
            {"id": identity, "kind": kind, "inputs": inputs, **rest}
            | {"tables": "sample" if sample else None, "confidence": confidence}
        )

    def second_opinion(self, kind, inputs, expected):
        """Asks an implementation that shares nothing, or at least not the cipher."""
        if kind == "credit" and inputs["ea"] == "07":
            fields = (naive.binary(inputs["rnd"], 4), naive.binary(inputs["tid"], 24))
            data = int("".join(fields) + naive.amount(inputs["amount_tenths"]), 2)
            token = naive.sta_token(0, inputs["subclass"], data, int(inputs["decoder_key"], 16))
            assert token == expected["token"]
        elif kind == "class2" and inputs["ea"] == "07":
            value = inputs["value"]
            field = naive.amount(value) if inputs["subclass"] in (0, 6) else naive.binary(value, 16)
            data = int(naive.binary(inputs["rnd"], 4) + naive.binary(inputs["tid"], 24) + field, 2)
            token = naive.sta_token(2, inputs["subclass"], data, int(inputs["decoder_key"], 16))
            assert token == expected["token"]
        elif kind == "key_change_2" and inputs["ea"] == "07":
            ken, new = naive.binary(inputs["ken"], 8), naive.binary(int(inputs["new_decoder_key"], 16), 64)
            flags = f"{inputs['rollover']}{inputs['flag_3kct']}"
            first = (
                ken[:4] + naive.binary(inputs["krn"], 4) + flags + naive.binary(inputs["kt"], 2) + new[:32]
            )
            second = ken[4:] + naive.binary(int(inputs["ti"]), 8) + new[32:]
            current = int(inputs["current_decoder_key"], 16)
            sections = ((3, first), (4, second))
            tokens = [naive.sta_token(2, subclass, int(data, 2), current) for subclass, data in sections]
            assert tokens == expected["tokens"]
        elif kind == "ea07_encrypt":
            key, block = (naive.binary(int(inputs[name], 16), 64) for name in ("decoder_key", "block"))
            assert f"{int(naive.sta_encrypt(key, block), 2):016x}" == expected["block"]
        elif kind == "class1":
            width = 36 if inputs["subclass"] == 0 else 28
            data = int(inputs["control"], 16) << 44 - width | inputs["mfr_field_raw"]
            text = naive.with_class(naive.block(1, inputs["subclass"], data), 1)
            assert naive.digits(text) == expected["token"]
        elif kind.endswith("crypt"):
            ea, direction = kind[2:4], "encipher" if kind.endswith("encrypt") else "decipher"
            function = getattr(ciphers.REFERENCE[ea], direction)
            block = function(bytes.fromhex(inputs["decoder_key"]), int(inputs["block"], 16))
            assert f"{block:016x}" == expected["block"]
        for token in expected.get("tokens", [expected["token"]] if "token" in expected else []):
            if "decoder_key" in inputs or "current_decoder_key" in inputs:
                key = inputs.get("decoder_key", inputs.get("current_decoder_key"))
                question = {"token": token, "ea": inputs["ea"], "decoder_key": key}
                assert answer.answer("decode", question)["token_class"] in (0, 2)

    # ---- the file

    def identifiers(self):
        for iin, length in (("600727", 10), ("0000", 12)):
            for body in ("0" * length, "9" * length, self.digits(length), self.digits(length)):
                self.good("meter_pan", {"iin": iin, "mfr_and_serial": body}, "1: two Luhn digits")
        self.bad("meter_pan", {"iin": "600727", "mfr_and_serial": "12345678"}, "length", "too short")
        self.bad(
            "meter_pan", {"iin": "600727", "mfr_and_serial": "12345678901"}, "length", "one digit too many"
        )
        self.bad("meter_pan", {"iin": "600727", "mfr_and_serial": "123456789O"}, "not_digits", "a letter O")
        self.bad(
            "meter_pan", {"iin": "600727", "mfr_and_serial": "12345٦7890"}, "not_digits", "an Arabic digit"
        )
        self.bad("meter_pan", {"iin": "600728", "mfr_and_serial": "1234567890"}, "issuer", "another issuer")
        self.bad("meter_pan", {"iin": "0000", "mfr_and_serial": "1234567890"}, "issuer_mismatch", "11 digits")

    def checks(self):
        for _ in range(4):
            message = "00" + self.hex(6)
            self.good("crc16", {"bytes": message}, "3.1: CRC-16, bytes exchanged")
            self.good("crc16_currency", {"bytes": message + "01"}, "3.1: CRC_C")
        self.bad("crc16", {"bytes": "00004A2D900FFG"}, "hex", "a letter G")

    def amounts(self):
        for units in (*EDGES_OF_AMOUNT, *(self.random.randrange(18201625) for _ in range(6))):
            self.good("amount_field", {"amount_tenths": units}, "2: rounded up to the next step")
        self.bad("amount_field", {"amount_tenths": 18201625}, "amount_too_large", "one above the largest")
        self.bad("amount_field", {"amount_tenths": -1}, "amount_negative", "below nothing")
        self.bad("amount_field", {"amount_tenths": 5.5}, "type", "not a whole number")
        self.bad("amount_field", {"amount_tenths": "55"}, "type", "a number in text")

    def framing(self):
        for token_class in range(4):
            for block in ("0" * 16, "f" * 16, self.hex(8)):
                self.good(
                    "insert_class_bits", {"block": block, "token_class": token_class}, "3.5: class bits"
                )
        self.bad("insert_class_bits", {"block": "0" * 16, "token_class": 4}, "range", "no such class")
        self.bad("insert_class_bits", {"block": "1" + "0" * 16, "token_class": 0}, "range", "65 bits")

    def derivation(self):
        for number, length in (("02", 8), ("04", 20)):
            for kt in (0, 1, 2, 3) if number == "02" else (1, 2):
                for iin, body in (("600727", 10), ("0000", 12)):
                    inputs = {
                        "vending_key": self.hex(length),
                        "iin": iin,
                        "drn": answer.answer("meter_pan", {"iin": iin, "mfr_and_serial": self.digits(body)})[
                            "drn"
                        ],
                        "kt": kt,
                        "sgc": self.digits(6),
                        "ti": self.digits(2),
                        "krn": self.random.randrange(1, 10),
                    }
                    for ea, year in (
                        (("07", 1993), ("11", 2014), ("11", 2035)) if number == "04" else ((None, None),)
                    ):
                        more = {"ea": ea, "base_date": year} if ea else {}
                        self.good(f"dkga{number}", inputs | more, f"6: DKGA{number}")
        good = inputs | {"ea": "11", "base_date": 2014}
        wrong_digit = good["drn"][:-1] + str((int(good["drn"][-1]) + 1) % 10)
        for change, code, broken in (
            ({"drn": wrong_digit}, "check_digit", "the check digit of the DRN"),
            ({"drn": good["drn"][:-1]}, "length", "a DRN one digit short"),
            ({"kt": 4}, "key_type_unknown", "no such key type"),
            ({"kt": 3}, "dkga_refused", "a common key with DKGA04"),
            ({"sgc": "12345"}, "length", "five digits of supply group"),
            ({"ti": "1"}, "length", "one digit of tariff index"),
            ({"krn": 0}, "krn", "revision 0"),
            ({"krn": 10}, "krn", "revision 10"),
            ({"ea": "09"}, "ea", "an algorithm not in use"),
            ({"base_date": 2015}, "base_date", "no such base date"),
        ):
            self.bad("dkga04", good | change, code, broken)
        self.bad("dkga04", {k: v for k, v in good.items() if k != "sgc"}, "input_missing", "no supply group")

    def ciphers(self):
        for ea in ("07", "11"):
            for direction in ("encrypt", "decrypt"):
                for block in ("0" * 16, "f" * 16, self.hex(8)):
                    for key in ("0" * 2 * keys.DECODER_KEY_BYTES[ea], self.key(ea)):
                        self.good(f"ea{ea}_{direction}", {"decoder_key": key, "block": block}, f"EA{ea}")
        self.bad("ea07_encrypt", {"decoder_key": "1" + "0" * 16, "block": "0"}, "range", "a key of 65 bits")
        self.bad("ea11_encrypt", {"decoder_key": "xyz", "block": "0"}, "hex", "letters that are no digits")

    def credit(self):
        for ea in ("07", "11"):
            for subclass in range(4):
                for units in (0, self.random.randrange(16384), self.random.choice(EDGES_OF_AMOUNT)):
                    self.good("credit", self._credit(ea, subclass, units), "3.2: credit in units")
            for subclass in range(4, 8):
                for money in (0, self.random.randrange(10**9), -self.random.randrange(10**13)):
                    inputs = self._credit(ea, subclass, 0)
                    del inputs["rnd"], inputs["amount_tenths"]
                    self.good(
                        "currency_credit", inputs | {"amount_1e5": money}, "3.2: credit in money, CRC_C"
                    )
        good = self._credit("11", 0, 100)
        for change, code, broken in (
            ({"subclass": 4}, "range", "a currency subclass"),
            ({"rnd": 16}, "range", "RND of five bits"),
            ({"tid": 1 << 24}, "range", "TID of 25 bits"),
            ({"tid": -1}, "range", "TID below nothing"),
            ({"amount_tenths": 18201625}, "amount_too_large", "an amount that no token holds"),
            ({"ea": "7"}, "ea", "an algorithm in one digit"),
            ({"decoder_key": "f" * 33}, "range", "a key of 132 bits"),
        ):
            self.bad("credit", good | change, code, broken)

    def _credit(self, ea, subclass, units):
        return {
            "subclass": subclass,
            "ea": ea,
            "decoder_key": self.key(ea),
            "tid": self.tid(),
            "rnd": self.random.randrange(16),
            "amount_tenths": units,
        }

    def meter_tests(self):
        for bit in range(18):
            self.good(
                "class1", {"subclass": 0, "control": f"{1 << bit:x}", "mfr_field_raw": 0}, "3.3: one test"
            )
        self.good("class1", {"subclass": 0, "control": "f" * 9, "mfr_field_raw": 0}, "3.3: all tests")
        self.good("class1", {"subclass": 0, "control": "1", "mfr_field_raw": 255}, "3.3: a manufacturer")
        self.good(
            "class1", {"subclass": 1, "control": "f" * 7, "mfr_field_raw": 65535}, "3.3: 16-bit manufacturer"
        )
        self.bad("class1", {"subclass": 2, "control": "1", "mfr_field_raw": 0}, "range", "subclass 2")
        self.bad("class1", {"subclass": 0, "control": "1" + "0" * 9, "mfr_field_raw": 0}, "range", "37 bits")
        self.bad("class1", {"subclass": 0, "control": "1", "mfr_field_raw": 256}, "range", "9 bits")

    def management(self):
        for ea in ("07", "11"):
            for subclass in (0, 1, 2, 5, 6, 7):
                value = 0 if subclass == 5 else self.random.randrange(65536)
                self.good("class2", self._class2(ea, subclass, value), "3.4: a setting")
        self.bad("class2", self._class2("11", 3, 0), "range", "a key-change subclass")
        self.bad("class2", self._class2("11", 1, 65536), "range", "17 bits")
        self.bad(
            "class2", self._class2("11", 0, 18201625), "amount_too_large", "more watts than a token holds"
        )

    def _class2(self, ea, subclass, value):
        inputs = self._credit(ea, subclass, 0)
        del inputs["amount_tenths"]
        return inputs | {"value": value}

    def key_change(self):
        for ea, kind in (
            ("07", "key_change_2"),
            ("11", "key_change_4"),
            ("07", "key_change_4"),
            ("11", "key_change_2"),
        ):
            for rollover in (0, 1):
                self.good(kind, self._key_change(ea, kind, rollover), "3.4: a new key in sections")
        good = self._key_change("11", "key_change_4", 0)
        for change, code, broken in (
            ({"ken": 256}, "ken", "KEN of nine bits"),
            ({"krn": 0}, "krn", "revision 0"),
            ({"kt": 4}, "key_type_unknown", "no such key type"),
            ({"ti": "100"}, "length", "three digits of tariff index"),
            ({"sgc": "1234567"}, "length", "seven digits of supply group"),
            ({"rollover": 2}, "range", "neither no nor yes"),
        ):
            self.bad("key_change_4", good | change, code, broken)

    def _key_change(self, ea, kind, rollover):
        inputs = {
            "ea": ea,
            "current_decoder_key": self.key(ea),
            "new_decoder_key": self.hex(8 if kind.endswith("2") else 16),
            "ken": self.random.randrange(256),
            "krn": self.random.randrange(1, 10),
            "rollover": rollover,
            "flag_3kct": 0,
            "kt": self.random.randrange(1, 4),
            "ti": self.digits(2),
        }
        return inputs | ({"sgc": self.digits(6)} if kind.endswith("4") else {})

    def decoding(self):
        for vector in [
            v
            for v in self.vectors
            if "expected" in v and ("token" in v["expected"] or "tokens" in v["expected"])
        ]:
            if vector["kind"] == "insert_class_bits" or self.random.random() < 0.6:
                continue
            inputs = vector["inputs"]
            token = self.random.choice(vector["expected"].get("tokens") or [vector["expected"]["token"]])
            key = inputs.get("decoder_key", inputs.get("current_decoder_key"))
            question = {"token": token} | ({"ea": inputs["ea"], "decoder_key": key} if key else {})
            self.good("decode", question, "3: what was encoded")
        sound = self._credit("11", 0, 100)
        token = answer.answer("credit", sound)["token"]
        question = {"token": token, "ea": "11", "decoder_key": sound["decoder_key"]}
        changed = token[:9] + str((int(token[9]) + 1) % 10) + token[10:]
        for text, code, broken in (
            (token[:-1], "format", "19 digits"),
            (token + "0", "format", "21 digits"),
            ("", "format", "nothing"),
            (f"{token[:4]} {token[4:]}", "format", "a space"),
            (token[:-1] + "x", "format", "a letter"),
            (token[:-1] + "٣", "format", "a digit of another script"),
            (str(1 << 66), "format", "2^66"),
            ("9" * 20, "format", "the largest of 20 digits"),
            (changed, "crc", "one digit changed"),
        ):
            self.bad("decode", question | {"token": text}, code, broken)
        self.bad("decode", question | {"decoder_key": self.key("11")}, "crc", "another meter's key")
        for token_class, subclass in ((0, 8), (0, 15), (2, 10), (2, 11), (2, 15)):
            text = naive.sta_token(token_class, subclass, 12345, 0)
            inputs = {"token": text, "ea": "07", "decoder_key": "0" * 16}
            self.bad(
                "decode",
                inputs,
                "unsupported",
                f"class {token_class} subclass {subclass} has no content here",
            )
        for subclass in (2, 3, 6, 15):
            text = naive.digits(naive.with_class(naive.block(1, subclass, 5), 1))
            self.bad(
                "decode", {"token": text}, "unsupported", f"class 1 subclass {subclass} has no content here"
            )
        self.bad("decode", {"token": naive.digits(naive.with_class("0" * 64, 3))}, "unsupported", "class 3")

    def everything(self):
        for part in (
            self.identifiers, self.checks, self.amounts, self.framing, self.derivation, self.ciphers,
            self.credit, self.meter_tests, self.management, self.key_change, self.decoding,
        ):  # fmt: skip
            part()
        return "".join(json.dumps(vector, ensure_ascii=False) + "\n" for vector in self.vectors)


def main():
    text = Generator().everything()
    if sys.argv[1:] == ["--check"]:
        if FILE.read_text(encoding="utf-8") != text:
            sys.exit("ampoule.jsonl is not what the generator writes")
    else:
        FILE.write_text(text, encoding="utf-8")
    print(f"{text.count(chr(10))} vectors")


if __name__ == "__main__":
    main()
