"""loopback.py JAR DIR: make Hive Metastore 3.1.3 listen on 127.0.0.1 alone.

3.1.3 has no setting for its listen address: it calls SecurityUtils.getServerSocket(null, port), and for a host of null
that method listens on every interface. This writes a copy of the class into DIR, to go before the jar on the class path, in
which the method first sets its host to "127.0.0.1". Class file format: Java Virtual Machine Specification, chapter 4.
"""

import os
import struct
import sys
import zipfile

NAME = "org/apache/hadoop/hive/metastore/utils/SecurityUtils.class"
FIXED_SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 18: 4}  # by constant's tag


def pool_end(data, count):
    at, i = 10, 1
    while i < count:
        tag = data[at]
        at += 3 + struct.unpack_from(">H", data, at + 1)[0] if tag == 1 else 1 + FIXED_SIZES[tag]
        i += 2 if tag in (5, 6) else 1  # long and double take two entries
    return at


jar, directory = sys.argv[1:]
data = zipfile.ZipFile(jar).read(NAME)
count = struct.unpack_from(">H", data, 8)[0]
end = pool_end(data, count)
host = b"127.0.0.1"
pool = data[10:end] + b"\x08" + struct.pack(">H", count + 1) + b"\x01" + struct.pack(">H", len(host)) + host
body = data[end:]

# if (host == null || host.isEmpty()) → the branch for an unnamed host, which begins 11 bytes on; else 23 bytes on.
test = [i for i in range(len(body) - 11) if body[i : i + 6] == b"\x2a\xc6\x00\x0a\x2a\xb6" and body[i + 8 : i + 11] == b"\x99\x00\x0f"]
if len(test) != 1:
    sys.exit(f"loopback.py: {jar} has {len(test)} places like that of 3.1.3's getServerSocket; want 1")
# ldc_w "127.0.0.1"; astore_0; nop; nop; nop; iconst_0; ifeq → the branch for a named host. As long as what it replaces.
patch = b"\x13" + struct.pack(">H", count) + b"\x4b\x00\x00\x00\x03\x99\x00\x0f"
body = body[: test[0]] + patch + body[test[0] + 11 :]

path = os.path.join(directory, NAME)
os.makedirs(os.path.dirname(path), exist_ok=True)
with open(path, "wb") as f:
    f.write(data[:8] + struct.pack(">H", count + 2) + pool + body)
