// A client whose SASL nobody here wrote (mellium.im/sasl): logs in with SCRAM-SHA-256-PLUS, bound to its TLS 1.3 connection by
// tls-exporter, and waits for one push. Prints `online`, then the push's id. Used by interop.py.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"mellium.im/sasl"
)

const (
	header = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' " +
		"xmlns:stream='http://etherx.jabber.org/streams'>"
	ns       = "urn:ietf:params:xml:ns:xmpp-sasl"
	patience = 20 * time.Second
)

type features struct {
	Mechanisms []string `xml:"urn:ietf:params:xml:ns:xmpp-sasl mechanisms>mechanism"`
	Bindings   []struct {
		Type string `xml:"type,attr"`
	} `xml:"urn:xmpp:sasl-cb:0 sasl-channel-binding>channel-binding"`
}

type element struct {
	XMLName xml.Name
	ID      string    `xml:"id,attr"`
	Type    string    `xml:"type,attr"`
	Text    string    `xml:",chardata"`
	Inside  []element `xml:",any"`
}

// A stream: TLS below, XML above; a new one begins on the same connection after the login.
type stream struct {
	conn *tls.Conn
	xml  *xml.Decoder
}

func (s *stream) open() error {
	s.xml = xml.NewDecoder(oneByte{s.conn})
	_, err := io.WriteString(s.conn, header)
	return err
}

// Gives the decoder no more than it asks for, so that nothing of the next stream is swallowed.
type oneByte struct{ io.Reader }

func (r oneByte) Read(into []byte) (int, error) { return r.Reader.Read(into[:1]) }

func (r oneByte) ReadByte() (byte, error) {
	var one [1]byte
	_, err := io.ReadFull(r.Reader, one[:])
	return one[0], err
}

// The next element below the stream.
func (s *stream) next(into any) error {
	for {
		token, err := s.xml.Token()
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local != "stream" {
			return s.xml.DecodeElement(into, &start)
		}
	}
}

func (s *stream) logIn(name, password string) error {
	var offered features
	if err := s.next(&offered); err != nil {
		return err
	}
	if len(offered.Bindings) != 1 || offered.Bindings[0].Type != "tls-exporter" {
		return fmt.Errorf("announced channel bindings: %v", offered.Bindings)
	}
	mechanism := sasl.ScramSha256Plus
	client := sasl.NewClient(mechanism,
		sasl.Credentials(func() ([]byte, []byte, []byte) { return []byte(name), []byte(password), nil }),
		sasl.RemoteMechanisms(offered.Mechanisms...),
		sasl.TLSState(s.conn.ConnectionState()))
	if client.State()&sasl.RemoteCB == 0 {
		return fmt.Errorf("%s is not among %v", mechanism.Name, offered.Mechanisms)
	}
	_, data, err := client.Step(nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.conn, "<auth xmlns='%s' mechanism='%s'>%s</auth>", ns, mechanism.Name, base64.StdEncoding.EncodeToString(data))
	for {
		var answer element
		if err := s.next(&answer); err != nil {
			return err
		}
		if answer.XMLName.Local == "failure" {
			return fmt.Errorf("refused: %v", answer.Inside)
		}
		challenge, err := base64.StdEncoding.DecodeString(answer.Text)
		if err != nil {
			return err
		}
		// The library checks the server's signature here.
		if _, data, err = client.Step(challenge); err != nil {
			return err
		}
		if answer.XMLName.Local == "success" {
			return nil
		}
		fmt.Fprintf(s.conn, "<response xmlns='%s'>%s</response>", ns, base64.StdEncoding.EncodeToString(data))
	}
}

func run(address, certificate, name, password string) error {
	pem, err := os.ReadFile(certificate)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("no certificate to trust")
	}
	dialer := &net.Dialer{Timeout: patience}
	config := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS13, NextProtos: []string{"xmpp-client"}}
	conn, err := tls.DialWithDialer(dialer, "tcp", address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	s := &stream{conn: conn}
	if err := s.open(); err != nil {
		return err
	}
	if err := s.logIn(name, password); err != nil {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	io.WriteString(conn, "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"+
		"<presence/><iq type='get' id='here'><ping xmlns='urn:xmpp:ping'/></iq>")
	for {
		var got element
		if err := s.next(&got); err != nil {
			return err
		}
		switch {
		case got.ID == "here":
			fmt.Println("online")
		case got.XMLName.Local == "message" && got.Type == "headline":
			fmt.Println(got.ID)
			return nil
		}
	}
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: longwire-plus ADDRESS CERTIFICATE NAME PASSWORD")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "longwire-plus:", err)
		os.Exit(1)
	}
}
