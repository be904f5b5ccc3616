"""Letters that search folds although Unicode does not decompose them.

Latin: the mappings of ICU 72's transform Latin-ASCII (Unicode CLDR, licence Unicode-3.0), for the letters that remain
after compatibility decomposition and case folding. Arabic and Persian: the letters that Lucene's normalisers of these
languages treat alike.
"""

LATIN = {
    "a": "\u2c65\u1d00\u1d8f",
    "aa": "\ua733",
    "ae": "\u00e6\u1d01",
    "ao": "\ua735",
    "au": "\ua737",
    "av": "\ua739\ua73b",
    "ay": "\ua73d",
    "b": "\u0180\u0253\u0183\u0299\u1d03\u1d6c\u1d80",
    "c": "\u0188\u023c\u0255\u1d04\ua793",
    "d": "\u00f0\u0111\u0256\u0257\u018c\u0221\u1d05\u1d06\u1d6d\u1d81\u1d91\ua771\ua77a",
    "db": "\u0238",
    "dz": "\u02a3\u02a5",
    "e": "\u025b\u0247\u1d07\u1d92\u1d93\u2c78",
    "f": "\u0192\u1d6e\u1d82\ua730\ua77c",
    "g": "\u0260\u01e5\u0261\u0262\u029b\u1d83\ua7a1",
    "h": "\u0127\u0266\u0267\u029c\u2c68",
    "hv": "\u0195",
    "i": "\u0131\u0268\u026a\u1d7b\u1d96",
    "j": "\u0237\u0249\u025f\u029d\u1d0a",
    "k": "\u0199\u1d0b\u1d84\u2c6a\ua741\ua743\ua745\ua7a3",
    "l": "\u0142\u019a\u0234\u026b\u026c\u026d\u029f\u1d0c\u1d85\u2c61\ua747\ua749\ua772",
    "ll": "\u1efb",
    "ls": "\u02aa",
    "lz": "\u02ab",
    "m": "\u0271\u1d0d\u1d6f\u1d86\ua773",
    "n": "\u014b\u0272\u019e\u0235\u0273\u0274\u1d70\u1d87\ua774\ua791\ua7a5",
    "o": "\u00f8\u1d0f\u2c7a\ua74b\ua74d",
    "oe": "\u0153\u0276",
    "oi": "\u01a3",
    "oo": "\ua74f",
    "p": "\u01a5\u1d18\u1d71\u1d7d\u1d88\ua751\ua753\ua755",
    "q": "\u0138\u02a0\ua757\ua759",
    "qp": "\u0239",
    "r": "\u0280\u024d\u027c\u027d\u027e\u1d72\u1d73\u1d89\ua775\ua776\ua7a7",
    "s": "\u023f\u0282\u1d74\u1d8a\u1e9c\u1e9d\ua731\ua7a9",
    "t": "\u0167\u01ab\u01ad\u0288\u0236\u2c66\u1d1b\u1d75\ua777\ua787",
    "th": "\u00fe\u1d7a\ua765\ua767",
    "ts": "\u02a6",
    "u": "\u0289\u1d1c\u1d7e\u1d99",
    "ue": "\u1d6b",
    "v": "\u028b\u1d20\u1d8c\u1efd\u2c71\u2c74\ua75f",
    "vy": "\ua761",
    "w": "\u1d21\u2c73",
    "x": "\u1d8d",
    "y": "\u01b4\u024f\u028f\u1eff",
    "z": "\u01b6\u0225\u0240\u0290\u0291\u1d22\u1d76\u1d8e\u2c6c",
}
ARABIC = {
    "\u064a": "\u0649\u06cc\u06d2",  # Yeh: dotless, Persian, Urdu
    "\u0643": "\u06a9",  # Kaf: Persian
    "\u0647": "\u0629\u06c0\u06c1\u06c2\u06c3\u06d5",  # Heh: teh marbuta, Urdu and Kurdish forms
    "\u0627": "\u0671",  # Alef: with wasla
}
LETTERS = {letter: base for table in (LATIN, ARABIC) for base, letters in table.items() for letter in letters}
