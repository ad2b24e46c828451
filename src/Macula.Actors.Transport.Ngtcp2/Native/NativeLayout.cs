namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>Compares the structures with what the C compiler makes of them on LP64. A wrong offset would show up as
/// a crash far away.</summary>
internal static unsafe class NativeLayout
{
    /// <summary>Null when all is as it must be, else the first difference.</summary>
    public static string? Difference() =>
        Sizes() ?? ParameterOffsets() ?? SettingOffsets();

    private static string? Sizes() =>
        Compare("ngtcp2_cid", sizeof(NativeCid), 32) ??
        Compare("ngtcp2_vec", sizeof(NativeVector), 16) ??
        Compare("ngtcp2_pkt_info", sizeof(PacketInfo), 8) ??
        Compare("ngtcp2_path", sizeof(NativePath), 40) ??
        Compare("ngtcp2_pkt_hd", sizeof(PacketHeader), 112) ??
        Compare("ngtcp2_version_cid", sizeof(VersionAndIds), 40) ??
        Compare("ngtcp2_preferred_addr", sizeof(PreferredAddress), 96) ??
        Compare("ngtcp2_transport_params", sizeof(TransportParameters), 344) ??
        Compare("ngtcp2_settings", sizeof(Settings), 184) ??
        Compare("ngtcp2_callbacks", sizeof(NativeCallbacks), 320) ??
        Compare("ngtcp2_ccerr", sizeof(CloseError), 40) ??
        Compare("gnutls_datum_t", sizeof(Datum), 16) ??
        Compare("msghdr", sizeof(MessageHeader), 56) ??
        Compare("mmsghdr", sizeof(MultiMessageHeader), 64) ??
        Compare("cmsghdr", sizeof(ControlHeader), 16);

    private static string? ParameterOffsets()
    {
        TransportParameters p;
        var start = (byte*)&p;
        return
            Compare("original_dcid", (byte*)&p.OriginalDestinationId - start, 96) ??
            Compare("retry_scid", (byte*)&p.RetrySourceId - start, 160) ??
            Compare("initial_max_stream_data_bidi_local", (byte*)&p.InitialMaxStreamDataBidiLocal - start, 192) ??
            Compare("max_idle_timeout", (byte*)&p.MaxIdleTimeout - start, 240) ??
            Compare("max_datagram_frame_size", (byte*)&p.MaxDatagramFrameSize - start, 280) ??
            Compare("stateless_reset_token_present", &p.StatelessResetTokenPresent - start, 288) ??
            Compare("original_dcid_present", &p.OriginalDestinationIdPresent - start, 290) ??
            Compare("retry_scid_present", &p.RetrySourceIdPresent - start, 292) ??
            Compare("stateless_reset_token", p.StatelessResetToken - start, 294) ??
            Compare("grease_quic_bit", &p.GreaseQuicBit - start, 310) ??
            Compare("version_info", (byte*)&p.VersionInformation - start, 312);
    }

    private static string? SettingOffsets()
    {
        Settings s;
        var start = (byte*)&s;
        return
            Compare("cc_algo", (byte*)&s.CongestionControl - start, 8) ??
            Compare("initial_ts", (byte*)&s.InitialTimestamp - start, 16) ??
            Compare("max_tx_udp_payload_size", (byte*)&s.MaxTxUdpPayloadSize - start, 40) ??
            Compare("token", (byte*)&s.Token - start, 48) ??
            Compare("token_type", (byte*)&s.TokenType - start, 64) ??
            Compare("max_window", (byte*)&s.MaxWindow - start, 80) ??
            Compare("no_tx_udp_payload_size_shaping", &s.NoTxUdpPayloadSizeShaping - start, 104) ??
            Compare("handshake_timeout", (byte*)&s.HandshakeTimeout - start, 112) ??
            Compare("no_pmtud", &s.NoPathMtuDiscovery - start, 156) ??
            Compare("pmtud_probeslen", (byte*)&s.PathMtuProbesLength - start, 176);
    }

    private static string? Compare(string name, long found, long expected) =>
        found == expected ? null : $"layout of {name}: {found}, expected {expected}";
}
