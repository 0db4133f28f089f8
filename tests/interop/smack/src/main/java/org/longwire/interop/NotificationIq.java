package org.longwire.interop;

import org.jivesoftware.smack.packet.IQ;
import org.jivesoftware.smack.provider.IQProvider;
import org.xmlpull.v1.XmlPullParser;

/** A push as it comes to the app. */
final class NotificationIq extends IQ {
    static final String ELEMENT = "notification";
    static final String NAMESPACE = "androidpn:iq:notification";
    private String id;
    private String apiKey;
    private String title;
    private String message;
    private String uri;

    void tell() {
        Says.that("notification", "id", id, "apiKey", apiKey, "title", title, "message", message, "uri", uri);
    }

    /** As the original's, which only logs it, it leaves out all but the id. */
    @Override
    public String getChildElementXML() {
        return "<" + ELEMENT + " xmlns=\"" + NAMESPACE + "\"><id>" + id + "</id></" + ELEMENT + ">";
    }

    private void take(String name, XmlPullParser parser) throws Exception {
        switch (name) {
            case "id":
                id = parser.nextText();
                break;
            case "apiKey":
                apiKey = parser.nextText();
                break;
            case "title":
                title = parser.nextText();
                break;
            case "message":
                message = parser.nextText();
                break;
            case "uri":
                uri = parser.nextText();
                break;
            default:
                // A child that the original does not know is passed over.
                break;
        }
    }

    /** Reads the five children by name, in any order, up to the end of their parent. */
    static final class Provider implements IQProvider {
        @Override
        public IQ parseIQ(XmlPullParser parser) throws Exception {
            var notification = new NotificationIq();
            while (true) {
                int event = parser.next();
                if (event == XmlPullParser.START_TAG) {
                    notification.take(parser.getName(), parser);
                } else if (event == XmlPullParser.END_TAG && ELEMENT.equals(parser.getName())) {
                    return notification;
                }
            }
        }
    }
}
