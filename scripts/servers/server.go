// As apps.py, on Go's net/http: HTTP/1.1, and with TLS HTTP/2 too.
//
//	server ADDRESS TLS-ADDRESS CERTIFICATE KEY
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
)

type entry struct {
	Query    string `json:"query"`
	Received int64  `json:"received"`
	Sha256   string `json:"sha256"`
}

func main() {
	body, err := os.ReadFile(os.Getenv("BODY"))
	if err != nil {
		log.Fatal(err)
	}
	record, err := os.OpenFile(os.Getenv("RECORD"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	var one sync.Mutex
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		digest := sha256.New()
		received, err := io.Copy(digest, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		one.Lock()
		err = json.NewEncoder(record).Encode(entry{r.URL.RawQuery, received, hex.EncodeToString(digest.Sum(nil))})
		one.Unlock()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		whole := []byte("ok")
		if r.URL.Path == "/down" || r.URL.Path == "/stream" {
			whole = body
		}
		if r.URL.Path != "/stream" {
			w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
		}
		w.Write(whole)
	})
	go func() { log.Fatal(http.ListenAndServe(os.Args[1], nil)) }()
	log.Fatal(http.ListenAndServeTLS(os.Args[2], os.Args[3], os.Args[4], nil))
}
