import Domain
import FoundationEssentials
import Testing

@Suite("Channel ids")
struct ChannelIDTests {
    @Test func `generated ids differ, are marked and hold letters that are not mistaken`() {
        let ids = (0..<1000).map { _ in ChannelID.generated() }
        #expect(Set(ids).count == 1000)
        let letters = Set("0123456789abcdefghjkmnpqrstvwxyz")
        for id in ids {
            #expect(id.rawValue.hasPrefix("ch_") && id.rawValue.count == 23)
            #expect(id.rawValue.dropFirst(3).allSatisfy(letters.contains))
        }
    }

    @Test func `an id is its text, in order and in JSON`() throws {
        let id: ChannelID = "facebook-ads"
        #expect("\(id)" == "facebook-ads" && ChannelID(rawValue: "a") < "b")
        #expect(String(decoding: try JSONEncoder().encode([id]), as: UTF8.self) == #"["facebook-ads"]"#)
        #expect(try JSONDecoder().decode([ChannelID].self, from: Data(#"["x"]"#.utf8)) == ["x"])
    }
}
