import Contracts
import JSON

extension DeadLetterRecord {
    /// The letter as operators see it: an object in one line, with the event itself where it is JSON.
    func shown() -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("letter")
        letter.writeJSON(into: &json)
        json.key("content_type")
        json.string(contentType)
        json.key("headers")
        json.raw(headers.utf8)
        if let event {
            json.key("event")
            json.raw(event.utf8)
        }
        if let eventBase64 {
            json.key("event_base64")
            json.string(eventBase64)
        }
        json.key("ahead")
        json.int(ahead)
        json.key("behind")
        json.int(behind)
        json.endObject()
        return json.bytes
    }
}
