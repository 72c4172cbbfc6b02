// Go's SSH client (golang.org/x/crypto/ssh): programs, stdin, exit codes and signals, keepalives, several sessions at once, keys exchanged
// anew, and what is told of a denial. Arguments: known host key (`TYPE BASE64`), port, user. Prints JSON.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

type result struct {
	Code   int
	Signal string
	Out    string
	Err    string
}

var client *ssh.Client

func run(command string, stdin string) result {
	session := must(client.NewSession())
	defer session.Close()
	var out, problems bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = strings.NewReader(stdin), &out, &problems
	var exit *ssh.ExitError
	if err := session.Run(command); err != nil && !errors.As(err, &exit) {
		return result{-1, err.Error(), out.String(), problems.String()}
	}
	if exit == nil {
		return result{0, "", out.String(), problems.String()}
	}
	return result{exit.ExitStatus(), exit.Signal(), out.String(), problems.String()}
}

func main() {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(os.Args[1]))
	must(0, err)
	config := &ssh.ClientConfig{User: os.Args[3], HostKeyCallback: ssh.FixedHostKey(key)}
	config.RekeyThreshold = 1 << 20
	client = must(ssh.Dial("tcp", "127.0.0.1:"+os.Args[2], config))
	seen := map[string]any{}
	seen["run"] = run("echo out; echo err >&2; exit 3", "")
	seen["killed"] = run("kill -TERM $$", "")
	// Four times as much as one set of keys is used for, each way.
	large := strings.Repeat("0123456789abcdef", 1<<18)
	seen["large"] = run("cat", large).Out == large
	seen["denied"] = run("rm -rf /none", "")
	_, _, err = client.SendRequest("keepalive@openssh.com", true, nil)
	seen["keepalive"] = err == nil
	var group sync.WaitGroup
	outputs := make([]string, 8)
	for index := range outputs {
		index := index
		group.Add(1)
		go func() {
			defer group.Done()
			outputs[index] = run(fmt.Sprintf("echo %d", index), "").Out
		}()
	}
	group.Wait()
	seen["together"] = strings.Join(outputs, "")
	_, err = client.Dial("tcp", "127.0.0.1:1")
	seen["forward"] = err != nil && strings.Contains(err.Error(), "administratively prohibited")
	seen["after"] = run("echo after", "")
	client.Close()
	must(0, json.NewEncoder(os.Stdout).Encode(seen))
}
