# The C library libssh, called through ctypes: the "none" method, programs with both streams and exit codes, stdin, signs of life, several
# channels, and what is told of a denial, as JSON. Arguments: a folder with a known_hosts file, the port, the user.
import ctypes
import json
import sys

folder, port, user = sys.argv[1:]
libssh = ctypes.CDLL("libssh.so.4")
HOST, PORT_TEXT, USER, KNOWN_HOSTS = 0, 2, 4, 8
KNOWN_OK = 1

for name in ("ssh_new", "ssh_channel_new"):
    getattr(libssh, name).restype = ctypes.c_void_p
libssh.ssh_get_error.restype = ctypes.c_char_p
libssh.ssh_get_error.argtypes = [ctypes.c_void_p]
libssh.ssh_options_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
libssh.ssh_channel_request_exec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
libssh.ssh_channel_write.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32]
libssh.ssh_channel_read.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_int]
libssh.ssh_channel_open_forward.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
libssh.ssh_userauth_none.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
for name in ("connect", "disconnect", "channel_new", "channel_open_session", "channel_send_eof", "channel_get_exit_status",
             "channel_close", "session_is_known_server", "send_keepalive"):
    getattr(libssh, f"ssh_{name}").argtypes = [ctypes.c_void_p]

session = libssh.ssh_new()


def check(done):
    if done != 0:
        raise RuntimeError(f"{done}: {libssh.ssh_get_error(session).decode()}")


def read(channel, stderr):
    parts, buffer = [], ctypes.create_string_buffer(65536)
    while True:
        count = libssh.ssh_channel_read(channel, buffer, len(buffer), stderr)
        if count <= 0:
            return b"".join(parts).decode()
        parts.append(buffer.raw[:count])


def opened():
    channel = libssh.ssh_channel_new(session)
    check(libssh.ssh_channel_open_session(channel))
    return channel


def run(command, text=b"", channel=None):
    channel = channel or opened()
    check(libssh.ssh_channel_request_exec(channel, command.encode()))
    if text:
        assert libssh.ssh_channel_write(channel, text, len(text)) == len(text)
    check(libssh.ssh_channel_send_eof(channel))
    out, err = read(channel, 0), read(channel, 1)
    status = libssh.ssh_channel_get_exit_status(channel)
    libssh.ssh_channel_close(channel)
    return [status, out, err]


for option, value in ((HOST, "127.0.0.1"), (PORT_TEXT, port), (USER, user), (KNOWN_HOSTS, f"{folder}/known")):
    check(libssh.ssh_options_set(session, option, value.encode()))
check(libssh.ssh_connect(session))
seen = {"known": libssh.ssh_session_is_known_server(session) == KNOWN_OK}
check(libssh.ssh_userauth_none(session, None))
seen["run"] = run("echo out; echo err >&2; exit 3")
seen["stdin"] = run("wc -c", b"x" * 300_000)[1].strip()
seen["denied"] = run("rm -rf /none")
seen["keepalive"] = libssh.ssh_send_keepalive(session)
first, second = opened(), opened()
seen["together"] = [run("echo second", channel=second)[1], run("echo first", channel=first)[1]]
forward = libssh.ssh_channel_new(session)
seen["forward"] = libssh.ssh_channel_open_forward(forward, b"127.0.0.1", 1, b"127.0.0.1", 1) == 0
seen["after"] = run("echo after")
libssh.ssh_disconnect(session)
print(json.dumps(seen))
