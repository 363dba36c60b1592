/// Values as JSON and their text as PyYAML 6.0.3 writes it: `yaml.safe_dump(json.loads(value), sort_keys=False)`.
let yamlGolden: [(json: String, yaml: String)] = [
    (
        "{\"a\": [1, 2, {\"b\": []}], \"c\": {}, \"d\": null, \"e\": true, \"f\": 1.0, \"g\": 1e+16, \"h\": Infinity, \"i\": -1e-07}",
        "a:\n"
            + "- 1\n"
            + "- 2\n"
            + "- b: []\n"
            + "c: {}\n"
            + "d: null\n"
            + "e: true\n"
            + "f: 1.0\n"
            + "g: 1.0e+16\n"
            + "h: .inf\n"
            + "i: -1.0e-07\n"
    ),
    (
        "[[1, [2, \"x\"]], [], {\"k\": [\"v\"]}]",
        "- - 1\n"
            + "  - - 2\n"
            + "    - x\n"
            + "- []\n"
            + "- k:\n"
            + "  - v\n"
    ),
    (
        "\"plain\"",
        "plain\n"
            + "...\n"
    ),
    (
        "\"\"",
        "''\n"
    ),
    (
        "\"yes\"",
        "'yes'\n"
    ),
    (
        "\"12\"",
        "'12'\n"
    ),
    (
        "\"1e3\"",
        "1e3\n"
            + "...\n"
    ),
    (
        "\"1.5\"",
        "'1.5'\n"
    ),
    (
        "\"a: b\"",
        "'a: b'\n"
    ),
    (
        "\"# c\"",
        "'# c'\n"
    ),
    (
        "\"- x\"",
        "'- x'\n"
    ),
    (
        "\" lead\"",
        "' lead'\n"
    ),
    (
        "\"trail \"",
        "'trail '\n"
    ),
    (
        "\"it's\"",
        "it's\n"
            + "...\n"
    ),
    (
        "\"multi\\nline\"",
        "'multi\n"
            + "\n"
            + "  line'\n"
    ),
    (
        "\"two\\n\\nbreaks\\n\"",
        "'two\n"
            + "\n"
            + "\n"
            + "  breaks\n"
            + "\n"
            + "  '\n"
    ),
    (
        "\"tab\\there\"",
        "\"tab\\there\"\n"
    ),
    (
        "\"\\u03b1 and \\u00e9\"",
        "\"\\u03B1 and \\xE9\"\n"
    ),
    (
        "\"\\ud83d\\ude00\"",
        "\"\\U0001F600\"\n"
    ),
    (
        "\"back\\\\slash \\\"quoted\\\"\\n\"",
        "'back\\slash \"quoted\"\n"
            + "\n"
            + "  '\n"
    ),
    (
        "\"'\"",
        "''''\n"
    ),
    (
        "\"...\"",
        "'...'\n"
    ),
    (
        "\"=\"",
        "'='\n"
    ),
    (
        "\"2020-01-01\"",
        "'2020-01-01'\n"
    ),
    (
        "\"null\"",
        "'null'\n"
    ),
    (
        "{\"word word word word word word word word word word word word word word word word word word word word end\": \"word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word end\"}",
        "word word word word word word word word word word word word word word word word word word word word end: word\n"
            + "  word word word word word word word word word word word word word word word word\n"
            + "  word word word word word word word word word word word word word end\n"
    ),
    (
        "{\"k\": \"\\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \\u00e9 \"}",
        "k: \"\\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9\\\n"
            + "  \\ \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9\\\n"
            + "  \\ \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9\\\n"
            + "  \\ \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \"\n"
    ),
    (
        "{\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\": \"long key\"}",
        "? xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
            + ": long key\n"
    ),
    (
        "{\"multi\\nkey\": 1, \"\": 2, \"yes\": 3, \"12\": 4}",
        "? 'multi\n"
            + "\n"
            + "  key'\n"
            + ": 1\n"
            + "? ''\n"
            + ": 2\n"
            + "'yes': 3\n"
            + "'12': 4\n"
    ),
    (
        "[\"it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's \", \"a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b .\"]",
        "- 'it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s\n"
            + "  it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s\n"
            + "  it''s it''s '\n"
            + "- a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b a  b\n"
            + "  a  b a  b a  b a  b a  b a  b a  b a  b a  b .\n"
    ),
    (
        "{\"deep\": {\"er\": [[\"a\", \"b\"], {\"c\": \"line one\\nline two\\n\"}]}}",
        "deep:\n"
            + "  er:\n"
            + "  - - a\n"
            + "    - b\n"
            + "  - c: 'line one\n"
            + "\n"
            + "      line two\n"
            + "\n"
            + "      '\n"
    ),
]
