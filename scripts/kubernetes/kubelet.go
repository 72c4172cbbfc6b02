// A stand-in for a kubelet, for the suite against a real API server: the streaming servers are the kubelet's own, and a "container" is a
// process on this machine. Serves exec, attach, port-forward and logs of every pod over TLS with a certificate of its own.
//
//	kubelet ADDRESS
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
	streaming "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

type runtime struct{}

func (runtime) ExecInContainer(ctx context.Context, name string, uid types.UID, container string, cmd []string, in io.Reader, out, errs io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, timeout time.Duration) error {
	command := exec.CommandContext(ctx, cmd[0], cmd[1:]...)
	if in != nil {
		// Not command.Stdin: that would wait for the stream's end after the process has gone.
		pipe, err := command.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(pipe, in)
			_ = pipe.Close()
		}()
	}
	command.Stdout = out
	if errs != nil {
		command.Stderr = errs
	}
	err := command.Run()
	if exit, ok := err.(*exec.ExitError); ok {
		return utilexec.CodeExitError{Err: err, Code: exit.ExitCode()}
	}
	return err
}

func (r runtime) AttachContainer(ctx context.Context, name string, uid types.UID, container string, in io.Reader, out, errs io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	return r.ExecInContainer(ctx, name, uid, container, []string{"cat"}, in, out, errs, tty, resize, 0)
}

func (runtime) PortForward(ctx context.Context, name string, uid types.UID, port int32, stream io.ReadWriteCloser) error {
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer connection.Close()
	go func() {
		_, _ = io.Copy(connection, stream)
		_ = connection.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, connection)
	return err
}

func serve(w http.ResponseWriter, request *http.Request) {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	pod := ""
	if len(parts) > 2 {
		pod = parts[2]
	}
	fmt.Fprintln(os.Stderr, request.Method, request.URL.String())
	switch parts[0] {
	case "exec", "attach":
		options, err := streaming.NewOptions(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		protocols := []string{"v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"}
		if parts[0] == "attach" {
			streaming.ServeAttach(w, request, runtime{}, pod, "", "c", options, time.Hour, time.Minute, protocols)
		} else {
			streaming.ServeExec(w, request, runtime{}, pod, "", "c", request.URL.Query()["command"], options, time.Hour, time.Minute, protocols)
		}
	case "portForward":
		options, err := portforward.NewV4Options(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, request, runtime{}, pod, "", options, time.Hour, time.Minute, portforward.SupportedProtocols)
	case "containerLogs":
		fmt.Fprintln(w, "first line")
		if request.URL.Query().Get("follow") != "" {
			for line := 0; line < 3; line++ {
				w.(http.Flusher).Flush()
				time.Sleep(200 * time.Millisecond)
				fmt.Fprintln(w, "followed line", line)
			}
		}
	default:
		http.NotFound(w, request)
	}
}

func main() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	server := &http.Server{
		Addr:    os.Args[1],
		Handler: http.HandlerFunc(serve),
		// The streaming protocols are upgrades of HTTP/1.1.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
	}
	panic(server.ListenAndServeTLS("", ""))
}
