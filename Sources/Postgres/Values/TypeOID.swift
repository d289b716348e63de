import CLibpq

/// PostgreSQL's fixed numbers of the types spoken here (`pg_type.dat`).
enum TypeOID {
    static let bool: Oid = 16
    static let bytea: Oid = 17
    static let char: Oid = 18
    static let name: Oid = 19
    static let int8: Oid = 20
    static let int2: Oid = 21
    static let int4: Oid = 23
    static let text: Oid = 25
    static let json: Oid = 114
    static let float4: Oid = 700
    static let float8: Oid = 701
    static let unknown: Oid = 705
    static let bpchar: Oid = 1042
    static let varchar: Oid = 1043
    static let timestamptz: Oid = 1184
    static let interval: Oid = 1186
    static let uuid: Oid = 2950
    static let void: Oid = 2278
    static let jsonb: Oid = 3802

    static let boolArray: Oid = 1000
    static let byteaArray: Oid = 1001
    static let nameArray: Oid = 1003
    static let int2Array: Oid = 1005
    static let int4Array: Oid = 1007
    static let textArray: Oid = 1009
    static let varcharArray: Oid = 1015
    static let int8Array: Oid = 1016
    static let timestamptzArray: Oid = 1185
    static let uuidArray: Oid = 2951

    /// First number of types made by users, among them enums and domains' bases from extensions such as citext.
    static let firstOfUsers: Oid = 16384

    /// Whether the binary form of the type is its text.
    static func isText(_ oid: Oid) -> Bool {
        switch oid {
        case char, name, text, json, unknown, bpchar, varchar, void: true
        default: oid >= firstOfUsers
        }
    }
}
