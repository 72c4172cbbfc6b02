// A shared informer of client-go, for the suite against a real API server: protobuf, gzip, a list and then a watch of the config maps of
// `default`. Prints `synced N`, and then one line for each event, until its input ends.
//
//	informer KUBECONFIG
package main

import (
	"fmt"
	"io"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	if err != nil {
		panic(err)
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	factory := informers.NewSharedInformerFactoryWithOptions(kubernetes.NewForConfigOrDie(config), 0, informers.WithNamespace("default"))
	informer := factory.Core().V1().ConfigMaps().Informer()
	say := func(what string, object interface{}) {
		if found, ok := object.(*v1.ConfigMap); ok {
			fmt.Println(what, found.Name, found.Data["a"])
		}
	}
	stop := make(chan struct{})
	_ = informer.SetWatchErrorHandler(func(_ *cache.Reflector, err error) { fmt.Println("error", err) })
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	fmt.Println("synced", len(informer.GetStore().List()))
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc:    func(object interface{}, initial bool) { say("added", object) },
		UpdateFunc: func(_, object interface{}) { say("updated", object) },
		DeleteFunc: func(object interface{}) { say("deleted", object) },
	})
	_, _ = io.Copy(io.Discard, os.Stdin)
	close(stop)
}
