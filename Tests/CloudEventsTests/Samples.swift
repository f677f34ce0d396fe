import Chronology
import CloudEvents

/// The examples of the JSON format specification, version 1.0.2, section 3.2.
enum SpecificationExample {
    static let binaryData = """
        {
            "specversion" : "1.0",
            "type" : "com.example.someevent",
            "source" : "/mycontext",
            "id" : "A234-1234-1234",
            "time" : "2018-04-05T17:31:00Z",
            "comexampleextension1" : "value",
            "comexampleothervalue" : 5,
            "datacontenttype" : "application/vnd.apache.thrift.binary",
            "data_base64" : "AQIDBA=="
        }
        """
    static let xmlData = """
        {
            "specversion" : "1.0",
            "type" : "com.example.someevent",
            "source" : "/mycontext",
            "id" : "B234-1234-1234",
            "time" : "2018-04-05T17:31:00Z",
            "comexampleextension1" : "value",
            "comexampleothervalue" : 5,
            "unsetextension": null,
            "datacontenttype" : "application/xml",
            "data" : "<much wow=\\"xml\\"/>"
        }
        """
    static let jsonData = """
        {
            "specversion" : "1.0",
            "type" : "com.example.someevent",
            "source" : "/mycontext",
            "subject": null,
            "id" : "C234-1234-1234",
            "time" : "2018-04-05T17:31:00Z",
            "comexampleextension1" : "value",
            "comexampleothervalue" : 5,
            "datacontenttype" : "application/json",
            "data" : {
                "appinfoA" : "abc",
                "appinfoB" : 123,
                "appinfoC" : true
            }
        }
        """
    static let stringData = """
        {
            "specversion" : "1.0",
            "type" : "com.example.someevent",
            "source" : "/mycontext",
            "subject": null,
            "id" : "D234-1234-1234",
            "time" : "2018-04-05T17:31:00Z",
            "comexampleextension1" : "value",
            "comexampleothervalue" : 5,
            "data" : "I'm just a string"
        }
        """
}

/// An event as Florin's services publish them.
func florinEvent(data: CloudEvent.Data? = .json(Array(#"{"amount":"12.50"}"#.utf8))) throws -> CloudEvent {
    try CloudEvent(
        id: "019aa1b2-0000-7000-8000-000000000001", source: "/florin/expense",
        type: "florin.expense.expense_created.v1",
        subject: "019aa1b2-0000-7000-8000-0000000000aa", time: Timestamp(microsecondsSinceEpoch: 1_795_253_400_123_000),
        dataContentType: "application/json", dataSchema: "urn:florin:event:expense:expense_created:v1",
        extensions: [
            .init("partitionkey", .string("019aa1b2-0000-7000-8000-0000000000bb")),
            .init("sequence", .string(CloudEvent.sequenceText(7))),
            .init("correlationid", .string("req-1")),
            .init("causationid", .string("req-1")),
            .init("traceparent", .string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
            .init("unknown", .integer(-5)),
            .init("flag", .boolean(true)),
            .init("bytes", .binary([0, 1, 255])),
        ],
        data: data)
}
