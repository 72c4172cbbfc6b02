# An SSH server that takes a password, by one method alone, and answers every program with "in". Prints its port.
import socket
import sys
import threading

import paramiko

key, method, password = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", 0))


class Server(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return method

    def check_auth_password(self, username, given):
        right = method == "password" and given == password
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username, submethods):
        if method != "keyboard-interactive":
            return paramiko.AUTH_FAILED
        query = paramiko.InteractiveQuery("login", "")
        query.add_prompt("Password: ", False)
        return query

    def check_auth_interactive_response(self, responses):
        right = list(responses) == [password]
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=answer, args=(channel,)).start()
        return True


def answer(channel):
    # Until the end of stdin, which is read after the request has been answered.
    while channel.recv(1024):
        pass
    channel.sendall(b"in\n")
    channel.send_exit_status(0)
    channel.close()


def serve(connection):
    transport = paramiko.Transport(connection)
    transport.add_server_key(paramiko.Ed25519Key(filename=key))
    transport.start_server(event=threading.Event(), server=Server())


print(listener.getsockname()[1], flush=True)
while True:
    serve(listener.accept()[0])
