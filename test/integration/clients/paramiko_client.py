# Python's paramiko: programs, stdin, and files over SFTP, as JSON. The known hosts, the port, the user and the password come as arguments.
import json
import sys

import paramiko

known, port, user, password, folder = sys.argv[1:]
client = paramiko.SSHClient()
client.load_host_keys(known)
client.connect(
    "127.0.0.1", int(port), user, password, allow_agent=False, look_for_keys=False
)
seen = {}


def run(command, text=None):
    stdin, stdout, stderr = client.exec_command(command, timeout=30)
    if text is not None:
        stdin.write(text)
    stdin.channel.shutdown_write()
    out, err = stdout.read().decode(), stderr.read().decode()
    return [stdout.channel.recv_exit_status(), out, err]


seen["run"] = run("echo out; echo err >&2; exit 3")
seen["stdin"] = run("wc -c", "x" * 300_000)
seen["denied"] = run("rm -rf /none")
content = bytes(range(256)) * 4096
with client.open_sftp() as sftp:
    with sftp.open(f"{folder}/open/file", "wb") as file:
        file.set_pipelined(True)
        file.write(content)
    seen["size"] = sftp.stat(f"{folder}/open/file").st_size
    with sftp.open(f"{folder}/open/file", "rb") as file:
        file.prefetch()
        seen["same"] = file.read() == content
    seen["list"] = sftp.listdir(f"{folder}/open")
    try:
        sftp.open(f"{folder}/shut", "wb").close()
        seen["shut"] = "written"
    except PermissionError as error:
        seen["shut"] = str(error)
    sftp.remove(f"{folder}/open/file")
    seen["after"] = sftp.listdir(f"{folder}/open")
client.close()
print(json.dumps(seen))
