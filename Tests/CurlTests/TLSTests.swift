import Curl
import Testing

@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    /// Answers every request on every connection; handshakes that fail are forgotten.
    private static let server = """
        import http.server, ssl, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")
            def log_message(self, *arguments): pass
        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *arguments): pass
        server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        print(server.server_address[1])
        server.serve_forever()
        """

    @Test func `a certificate is trusted through the CA file, and not without it`() async throws {
        try await withCertificate(for: "IP:127.0.0.1") { certificate, key in
            try await withPython(Self.server, [certificate, key]) { port in
                let request = CurlRequest(method: "GET", url: "https://127.0.0.1:\(port)/secret")
                try await withClient(.loopback(caFile: certificate)) { client in
                    for _ in 1...2 { #expect(await client.transfer(request).answer == Answer(status: 200, body: "ok")) }
                }
                try await withClient { client in
                    let outcome = await client.transfer(request)
                    #expect(outcome.unsent == "tls")
                    #expect(outcome.message.contains("self-signed certificate"))
                    #expect(!outcome.message.contains("secret"))
                }
            }
        }
    }

    @Test func `a certificate of another name is refused`() async throws {
        try await withCertificate(for: "DNS:elsewhere.example") { certificate, key in
            try await withPython(Self.server, [certificate, key]) { port in
                try await withClient(.loopback(caFile: certificate)) { client in
                    let outcome = await client.transfer(CurlRequest(method: "GET", url: "https://127.0.0.1:\(port)/"))
                    #expect(outcome.unsent == "tls")
                    #expect(!outcome.message.contains("127.0.0.1"))
                }
            }
        }
    }

    @Test func `a peer that does not speak TLS gets no request`() async throws {
        try await withPeer { wire in
            _ = try await wire.line()
            try await wire.answer()
        } body: { port in
            try await withClient { client in
                let request = CurlRequest(method: "GET", url: "https://127.0.0.1:\(port)/", totalTimeout: .seconds(5))
                #expect(["tls", "connect", "connect_timeout"].contains(await client.transfer(request).unsent))
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct MailTLSTests {
    /// Speaks SMTP: with "starttls" in the clear until STARTTLS, with "implicit" never in the clear.
    private static let server = """
        import socket, ssl, sys, threading
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        def serve(peer, mode):
            secure = mode == "implicit"
            if secure: peer = context.wrap_socket(peer, server_side=True)
            peer.sendall(b"220 test\\r\\n")
            stream = peer.makefile("rb")
            while line := stream.readline():
                word = line[:4].upper()
                if word == b"EHLO":
                    more = b"250-AUTH PLAIN\\r\\n" if secure else b"250-STARTTLS\\r\\n"
                    peer.sendall(b"250-test\\r\\n" + more + b"250 8BITMIME\\r\\n")
                elif word == b"STAR":
                    peer.sendall(b"220 go on\\r\\n")
                    peer = context.wrap_socket(peer, server_side=True)
                    secure, stream = True, peer.makefile("rb")
                elif not secure: peer.sendall(b"530 TLS first\\r\\n")
                elif word == b"AUTH": peer.sendall(b"334 \\r\\n"); stream.readline(); peer.sendall(b"235 welcome\\r\\n")
                elif word == b"DATA":
                    peer.sendall(b"354 go on\\r\\n")
                    while stream.readline() != b".\\r\\n": pass
                    peer.sendall(b"250 queued\\r\\n")
                elif word == b"QUIT": peer.sendall(b"221 bye\\r\\n"); break
                else: peer.sendall(b"250 fine\\r\\n")
            peer.close()
        def guarded(*arguments):
            try: serve(*arguments)
            except OSError: pass
        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1])
        while True:
            threading.Thread(target=guarded, args=(listener.accept()[0], sys.argv[3]), daemon=True).start()
        """

    @Test(arguments: [("smtp", "starttls"), ("smtps", "implicit")])
    func `mails go through verified TLS only`(scheme: String, mode: String) async throws {
        try await withCertificate(for: "IP:127.0.0.1") { certificate, key in
            try await withPython(Self.server, [certificate, key, mode]) { port in
                let mail = CurlMail(
                    serverURL: "\(scheme)://user:word@127.0.0.1:\(port)", sender: "a@example.com",
                    recipient: "b@example.com", message: Array("Subject: x\r\n\r\nx\r\n".utf8))
                try await withClient(.loopback(caFile: certificate)) { client in
                    #expect(await client.sendMail(mail) == .accepted(code: 250))
                }
                try await withClient { client in
                    let outcome = await client.sendMail(mail)
                    guard case .notSent(let message) = outcome else { return #expect(Bool(false), "\(outcome)") }
                    #expect(message.contains("certificate"))
                }
            }
        }
    }
}
