"""What an ONVIF device answers, written after the published schemas (ONVIF device, media, ver20/media, ptz, events,
recording, search and replay WSDL; OASIS WS-BaseNotification b-2), with the prefixes of an ordinary camera."""

from __future__ import annotations

from datetime import UTC, datetime

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope'
    ' xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa5="http://www.w3.org/2005/08/addressing"'
    ' xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    ' xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tr2="http://www.onvif.org/ver20/media/wsdl"'
    ' xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tev="http://www.onvif.org/ver10/events/wsdl"'
    ' xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tns1="http://www.onvif.org/ver10/topics"'
    ' xmlns:trc="http://www.onvif.org/ver10/recording/wsdl" xmlns:tse="http://www.onvif.org/ver10/search/wsdl"'
    ' xmlns:trp="http://www.onvif.org/ver10/replay/wsdl" xmlns:ter="http://www.onvif.org/ver10/error"'
    ' xmlns:xs="http://www.w3.org/2001/XMLSchema"><SOAP-ENV:Body>'
)
TAIL = "</SOAP-ENV:Body></SOAP-ENV:Envelope>"
SIZES = {
    "main": (1920, 1080, "H264"),
    "sub": (640, 360, "H264"),
    "third": (352, 288, "JPEG"),
    "web": (1280, 720, "H264"),
}


def envelope(body: str) -> bytes:
    return f"{HEAD}{body}{TAIL}".encode()


def fault(code: str, words: str, sender: str = "Sender") -> bytes:
    return envelope(
        f"<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:{sender}</SOAP-ENV:Value><SOAP-ENV:Subcode>"
        f"<SOAP-ENV:Value>ter:{code}</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason>"
        f'<SOAP-ENV:Text xml:lang="en">{words}</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>'
    )


def stamp(t_s: float) -> str:
    return datetime.fromtimestamp(t_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(t_s: float) -> str:
    now = datetime.fromtimestamp(t_s, UTC)
    parts = (
        f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
        f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
        "</tt:Date>"
    )
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-7</tt:TZ></tt:TimeZone>"
        f"<tt:UTCDateTime>{parts}</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def services(base: str, offered: dict[str, str]) -> str:
    """`offered`: namespace -> path."""
    ones = "".join(
        f"<tds:Service><tds:Namespace>{space}</tds:Namespace><tds:XAddr>{base}{path}</tds:XAddr><tds:Version>"
        "<tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for space, path in offered.items()
    )
    return f"<tds:GetServicesResponse>{ones}</tds:GetServicesResponse>"


def capabilities(base: str) -> str:
    return (
        f"<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>{base}/onvif/device_service</tt:XAddr>"
        f"</tt:Device><tt:Events><tt:XAddr>{base}/onvif/events</tt:XAddr><tt:WSSubscriptionPolicySupport>false"
        "</tt:WSSubscriptionPolicySupport><tt:WSPullPointSupport>true</tt:WSPullPointSupport>"
        "<tt:WSPausableSubscriptionManagerInterfaceSupport>false</tt:WSPausableSubscriptionManagerInterfaceSupport>"
        f"</tt:Events><tt:Media><tt:XAddr>{base}/onvif/media</tt:XAddr><tt:StreamingCapabilities/></tt:Media>"
        f"<tt:PTZ><tt:XAddr>{base}/onvif/ptz</tt:XAddr></tt:PTZ><tt:Extension><tt:Replay><tt:XAddr>{base}/onvif/replay"
        "</tt:XAddr></tt:Replay></tt:Extension></tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def information() -> str:
    return (
        "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>Eye 4</tds:Model>"
        "<tds:FirmwareVersion>1.2.3</tds:FirmwareVersion><tds:SerialNumber>0042</tds:SerialNumber>"
        "<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
    )


def _source(channel: int) -> str:
    return (
        f"<tt:Name>source</tt:Name><tt:UseCount>2</tt:UseCount><tt:SourceToken>video_{channel}</tt:SourceToken>"
        '<tt:Bounds x="0" y="0" width="1920" height="1080"/>'
    )


def _encoder(name: str, *, second: bool) -> str:
    width, height, encoding = SIZES[name]
    rate = "<tt:RateControl><tt:FrameRateLimit>15</tt:FrameRateLimit>"
    if not second:
        rate += "<tt:EncodingInterval>1</tt:EncodingInterval>"
    rate += "<tt:BitrateLimit>2048</tt:BitrateLimit></tt:RateControl>"
    size = f"<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"
    cast = (
        "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
        "<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
    )
    head = f"<tt:Name>{name}</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>{encoding}</tt:Encoding>{size}"
    if second:
        return f"{head}{rate}{cast}<tt:Quality>4</tt:Quality>"
    return f"{head}<tt:Quality>4</tt:Quality>{rate}{cast}<tt:SessionTimeout>PT60S</tt:SessionTimeout>"


_PTZ = "<tt:Name>ptz</tt:Name><tt:UseCount>1</tt:UseCount><tt:NodeToken>node</tt:NodeToken>"


def profiles(channels: int, names: tuple[str, ...], *, ptz: bool, second: bool) -> str:
    """`second`: as Media2 says it."""
    ones = []
    for channel in range(1, channels + 1):
        for name in names:
            token = f"{name}_{channel}"
            if second:
                turn = f'<tr2:PTZ token="ptz">{_PTZ}</tr2:PTZ>' if ptz else ""
                ones.append(
                    f'<tr2:Profiles token="{token}" fixed="true"><tr2:Name>{name}</tr2:Name><tr2:Configurations>'
                    f'<tr2:VideoSource token="vs_{channel}">{_source(channel)}</tr2:VideoSource>'
                    f'<tr2:VideoEncoder token="ve_{token}" GovLength="30">{_encoder(name, second=True)}'
                    f"</tr2:VideoEncoder>{turn}</tr2:Configurations></tr2:Profiles>"
                )
                continue
            turn = f'<tt:PTZConfiguration token="ptz">{_PTZ}</tt:PTZConfiguration>' if ptz else ""
            ones.append(
                f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{name}</tt:Name>'
                f'<tt:VideoSourceConfiguration token="vs_{channel}">{_source(channel)}</tt:VideoSourceConfiguration>'
                f'<tt:VideoEncoderConfiguration token="ve_{token}">{_encoder(name, second=False)}'
                f"</tt:VideoEncoderConfiguration>{turn}</trt:Profiles>"
            )
    prefix = "tr2" if second else "trt"
    return f"<{prefix}:GetProfilesResponse>{''.join(ones)}</{prefix}:GetProfilesResponse>"


def uri(operation: str, where: str, *, second: bool) -> str:
    """`operation`: "GetStreamUri" or "GetSnapshotUri"."""
    if second:
        return f"<tr2:{operation}Response><tr2:Uri>{where}</tr2:Uri></tr2:{operation}Response>"
    return (
        f"<trt:{operation}Response><trt:MediaUri><tt:Uri>{where}</tt:Uri><tt:InvalidAfterConnect>false"
        "</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT60S</tt:Timeout>"
        f"</trt:MediaUri></trt:{operation}Response>"
    )


def presets(known: dict[str, str]) -> str:
    ones = "".join(
        f'<tptz:Preset token="{token}"><tt:Name>{name}</tt:Name></tptz:Preset>' for token, name in known.items()
    )
    return f"<tptz:GetPresetsResponse>{ones}</tptz:GetPresetsResponse>"


def ptz_status(*, moving: bool) -> str:
    state = "MOVING" if moving else "IDLE"
    return (
        '<tptz:GetStatusResponse><tptz:PTZStatus><tt:Position><tt:PanTilt x="0.25" y="-0.5"/><tt:Zoom x="0.75"/>'
        f"</tt:Position><tt:MoveStatus><tt:PanTilt>{state}</tt:PanTilt><tt:Zoom>IDLE</tt:Zoom></tt:MoveStatus>"
        f"<tt:UtcTime>{stamp(0)}</tt:UtcTime></tptz:PTZStatus></tptz:GetStatusResponse>"
    )


def ptz_configurations() -> str:
    return (
        '<tptz:GetConfigurationsResponse><tptz:PTZConfiguration token="ptz">'
        f"{_PTZ}</tptz:PTZConfiguration></tptz:GetConfigurationsResponse>"
    )


def ptz_options(least: str, most: str) -> str:
    return (
        "<tptz:GetConfigurationOptionsResponse><tptz:PTZConfigurationOptions><tt:Spaces/><tt:PTZTimeout>"
        f"<tt:Min>{least}</tt:Min><tt:Max>{most}</tt:Max></tt:PTZTimeout></tptz:PTZConfigurationOptions>"
        "</tptz:GetConfigurationOptionsResponse>"
    )


def subscription(where: str, reference: str, now_s: float, life_s: float) -> str:
    return (
        f"<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa5:Address>{where}</wsa5:Address>"
        f'<wsa5:ReferenceParameters><acme:Sub xmlns:acme="http://acme.example/sub">{reference}</acme:Sub>'
        f"</wsa5:ReferenceParameters></tev:SubscriptionReference><wsnt:CurrentTime>{stamp(now_s)}</wsnt:CurrentTime>"
        f"<wsnt:TerminationTime>{stamp(now_s + life_s)}</wsnt:TerminationTime>"
        "</tev:CreatePullPointSubscriptionResponse>"
    )


def renewed(now_s: float, life_s: float) -> str:
    return (
        f"<wsnt:RenewResponse><wsnt:TerminationTime>{stamp(now_s + life_s)}</wsnt:TerminationTime>"
        f"<wsnt:CurrentTime>{stamp(now_s)}</wsnt:CurrentTime></wsnt:RenewResponse>"
    )


def notification(
    topic: str, item: str, value: str, t_s: float, operation: str = "Changed", source: str = "vs_1"
) -> str:  # fmt: skip
    """One message: `topic` with prefixes, and its one item of data."""
    return (
        '<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        f'{topic}</wsnt:Topic><wsnt:Message><tt:Message UtcTime="{stamp(t_s)}" PropertyOperation="{operation}">'
        f'<tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="{source}"/></tt:Source>'
        f'<tt:Data><tt:SimpleItem Name="{item}" Value="{value}"/></tt:Data></tt:Message></wsnt:Message>'
        "</wsnt:NotificationMessage>"
    )


def pulled(messages: list[str], now_s: float, life_s: float) -> str:
    return (
        f"<tev:PullMessagesResponse><tev:CurrentTime>{stamp(now_s)}</tev:CurrentTime><tev:TerminationTime>"
        f"{stamp(now_s + life_s)}</tev:TerminationTime>{''.join(messages)}</tev:PullMessagesResponse>"
    )


def recordings(tokens: dict[str, str], t0_s: float, t1_s: float) -> str:
    """`tokens`: recording -> source. As GetRecordingSearchResults says it."""
    ones = "".join(
        f"<tt:RecordingInformation><tt:RecordingToken>{token}</tt:RecordingToken><tt:Source>"
        f"<tt:SourceId>{source}</tt:SourceId><tt:Name>Camera {source}</tt:Name><tt:Location>North</tt:Location>"
        "<tt:Description>x</tt:Description><tt:Address>http://0.0.0.0</tt:Address></tt:Source>"
        f"<tt:EarliestRecording>{stamp(t0_s)}</tt:EarliestRecording><tt:LatestRecording>{stamp(t1_s)}"
        "</tt:LatestRecording><tt:Content>all</tt:Content><tt:RecordingStatus>Recording</tt:RecordingStatus>"
        "</tt:RecordingInformation>"
        for token, source in tokens.items()
    )
    return (
        "<tse:GetRecordingSearchResultsResponse><tse:ResultList><tt:SearchState>Completed</tt:SearchState>"
        f"{ones}</tse:ResultList></tse:GetRecordingSearchResultsResponse>"
    )
