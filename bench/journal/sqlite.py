# Rows in SQLite with WAL and synchronous=FULL, one transaction each: sqlite.py FILE ROWS BYTES
import sqlite3
import sys
import time

path, rows, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
base = sqlite3.connect(path, isolation_level=None)
base.execute("pragma journal_mode=wal")
base.execute("pragma synchronous=full")
base.execute("create table record (n integer primary key, line text)")
line = "x" * length
start = time.monotonic()
for n in range(rows):
    base.execute("insert into record (line) values (?)", (line,))
print("figure: %.9f" % ((time.monotonic() - start) / rows))
