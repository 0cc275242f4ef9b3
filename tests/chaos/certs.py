"""Certificates for loopback: one that is good, and what may be wrong with
one. Made by openssl when they are wanted."""
import os
import subprocess

DAY = 86400


def openssl(*args, **kw):
    done = subprocess.run(["openssl", *args], capture_output=True, text=True,
                          check=False, **kw)
    assert done.returncode == 0, (args, done.stderr)


class Authority:
    """A CA in a folder, and what it signs for localhost."""

    def __init__(self, folder):
        self.folder = folder
        self.file = self.path("ca.pem")
        self.root("ca")
        self.root("stranger")

    def path(self, name):
        return os.path.join(self.folder, name)

    def root(self, name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", self.path(name + ".key"),
                "-out", self.path(name + ".pem"))

    def issue(self, name, host="localhost", by="ca", expired=False):
        """(certificate, key): files."""
        cert, key = self.path(name + ".pem"), self.path(name + ".key")
        request, ext = self.path(name + ".csr"), self.path(name + ".ext")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}",
                "-keyout", key, "-out", request)
        with open(ext, "w", encoding="ascii") as f:
            f.write(f"subjectAltName=DNS:{host}\n")
        # of a date that has passed: -days takes no time of day
        days = "-1" if expired else "2"
        openssl("x509", "-req", "-in", request, "-CA",
                self.path(by + ".pem"), "-CAkey", self.path(by + ".key"),
                "-set_serial", "2", "-days", days, "-extfile", ext,
                "-out", cert)
        return cert, key
