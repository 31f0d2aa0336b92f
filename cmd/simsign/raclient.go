package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
)

// raAnswer is an answer of the service.
type raAnswer struct {
	Result string `json:"result"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Call   string `json:"call"`
	Data   any    `json:"data"`
	raw    []byte
}

func (a *raAnswer) text(name string) string {
	m, _ := a.Data.(map[string]any)
	s, _ := m[name].(string)
	return s
}

// print shows the data of an answer, a line for each member.
func (a *raAnswer) print(c *cli) {
	c.printf("result  %s\n", a.Result)
	if list, ok := a.Data.([]any); ok {
		for _, v := range list {
			b, _ := json.Marshal(v)
			c.printf("%s\n", b)
		}
	}
	m, _ := a.Data.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch v := m[name].(type) {
		case string, float64, bool:
			c.printf("%s  %v\n", name, v)
		default:
			b, _ := json.Marshal(v)
			c.printf("%s  %s\n", name, b)
		}
	}
}

// post sends a message to the service. An error is one of the connection.
func (k *RAFlags) post(c *cli, path string, m map[string]any) (*raAnswer, error) {
	hc, err := k.httpClient()
	if err != nil {
		return nil, err
	}
	password := ""
	if k.PasswordFile != "" {
		if password, err = readSecret(c, k.PasswordFile); err != nil {
			return nil, err
		}
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(c.ctx, http.MethodPost, strings.TrimSuffix(k.Server, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(k.Client, password)
	resp, err := hc.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &raAnswer{}
	if a.raw, err = io.ReadAll(io.LimitReader(resp.Body, 64<<20)); err != nil {
		return nil, err
	}
	a.raw = bytes.TrimSpace(a.raw)
	if err := json.Unmarshal(a.raw, a); err != nil || a.Result == "" {
		return nil, fmt.Errorf("%s answers %s, and is no such interface", k.Server, resp.Status)
	}
	return a, nil
}

func (k *RAFlags) httpClient() (*http.Client, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if (k.Cert == "") != (k.Key == "") {
		return nil, errors.New("--cert and --key go together")
	}
	if k.Cert != "" {
		pair, err := tls.LoadX509KeyPair(k.Cert, k.Key)
		if err != nil {
			return nil, err
		}
		t.Certificates = []tls.Certificate{pair}
	}
	if k.CACert != "" {
		b, err := os.ReadFile(k.CACert)
		if err != nil {
			return nil, err
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", k.CACert)
		}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: t}}, nil
}
