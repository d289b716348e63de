import Curl
import Testing

@Suite struct TLSTests {
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
