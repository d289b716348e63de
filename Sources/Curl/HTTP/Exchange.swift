/// What libcurl's callbacks have seen of one transfer.
///
/// Touched by the client's thread only.
struct Exchange {
    enum Refusal { case address, permit, secondSend }

    let request: CurlRequest
    let permit: @Sendable () -> Bool
    let headerBytesMax: Int

    /// How often libcurl was about to send the request; it does so again by itself when a kept connection dies.
    var sends = 0
    var isPermitted = false
    var refusal: Refusal?
    var isSocketRefused = false
    var isSocketOpened = false

    private(set) var status = 0
    private(set) var headers: [(String, String)] = []
    private(set) var body: [UInt8] = []
    private(set) var isOverLong = false
    private var headerBytes = 0
    private(set) var isHeaderOver = false

    init(request: CurlRequest, permit: @escaping @Sendable () -> Bool, headerBytesMax: Int) {
        self.request = request
        self.permit = permit
        self.headerBytesMax = headerBytesMax
    }

    /// Whether a final status line came; a 1xx one is a remark on the way.
    var isAnswered: Bool { status >= 200 }

    /// Takes one header line with its line end; false when the headers are longer than they may be.
    mutating func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        guard headerBytes <= headerBytesMax else { return false }
        // What comes after the blank line and is no new status line is a trailer: nothing here reads those.
        if unsafe line.starts(with: "HTTP/".utf8) {
            (headers, isHeaderOver) = ([], false)
            let digits = unsafe line.drop { $0 != UInt8(ascii: " ") }.dropFirst().prefix(3)
            status = unsafe Int(String(decoding: digits, as: UTF8.self)) ?? 0
            return true
        }
        guard !isHeaderOver else { return true }
        guard let colon = unsafe line.firstIndex(of: UInt8(ascii: ":")) else {
            isHeaderOver = unsafe line.allSatisfy(Self.isLineEnd)
            return true
        }
        let value = unsafe line[(colon + 1)...].drop(while: Self.isSpace)
        let end = unsafe value.lastIndex { !Self.isSpace($0) }.map { $0 + 1 } ?? value.startIndex
        unsafe headers.append(
            (
                String(decoding: line[..<colon], as: UTF8.self),
                String(decoding: value[value.startIndex..<end], as: UTF8.self)
            ))
        return true
    }

    /// Takes a piece of the body; false when there is more of it than is wanted.
    mutating func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let room = request.bodyBytesMax - body.count
        unsafe body.append(contentsOf: bytes.prefix(max(room, 0)))
        isOverLong = bytes.count > room
        return !isOverLong
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || isLineEnd(byte)
    }
}
