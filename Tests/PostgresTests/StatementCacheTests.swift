import Testing

@testable import Postgres

@Suite struct `Statement cache` {
    private static func insert(_ sql: String, _ cache: inout StatementCache) -> StatementCache.Statement {
        let statement = StatementCache.Statement(name: cache.newName(), types: [TypeOID.text])
        cache.insert(statement, for: sql)
        return statement
    }

    @Test func `the least recently used goes first`() {
        var cache = StatementCache(capacity: 2)
        let (a, b) = (Self.insert("a", &cache), Self.insert("b", &cache))
        #expect(cache.find("a", types: [TypeOID.text]) == a)
        #expect(cache.evict() == b)
        #expect(cache.evict() == nil)
        #expect(cache.find("b", types: [TypeOID.text]) == nil)
        #expect(cache.find("a", types: [TypeOID.text]) == a)
    }

    @Test func `an untyped NULL fits, another type does not`() {
        var cache = StatementCache(capacity: 2)
        let a = Self.insert("a", &cache)
        #expect(cache.find("a", types: [0]) == a)
        #expect(cache.find("a", types: [TypeOID.int8]) == nil)
        #expect(cache.find("a", types: []) == nil)
    }

    @Test func `variants of one text are removed one by one`() {
        var cache = StatementCache(capacity: 2)
        let (a, b) = (Self.insert("a", &cache), Self.insert("a", &cache))
        cache.remove(a, of: "a")
        cache.remove(a, of: "a")
        #expect(cache.count == 1)
        #expect(cache.find("a", types: [TypeOID.text]) == b)
        cache.remove(b, of: "a")
        #expect(cache.count == 0)
        #expect(cache.evict() == nil)
    }

    @Test func `names are never used twice`() {
        var cache = StatementCache(capacity: 2)
        #expect(cache.newName() != cache.newName())
    }
}
