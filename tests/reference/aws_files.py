"""Texts of AWS's profiles as botocore parses them: a JSON list of texts on standard input, a list of sections, or of
null where botocore refuses."""

import json
import os
import sys
import tempfile

import botocore.configloader
import botocore.exceptions

answers = []
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "config")
    for text in json.load(sys.stdin):
        with open(path, "w", newline="") as file:
            file.write(text)
        try:
            answers.append(botocore.configloader.raw_config_parse(path))
        except botocore.exceptions.ConfigParseError:
            answers.append(None)
json.dump(answers, sys.stdout)
