import Curl
import Domain
import Notifier

extension AddressRefusal {
    /// The guard of outgoing connections, asked before there is one.
    ///
    /// - Parameter networks: ``Settings/allowNetworks``.
    init(allowNetworks networks: [String]) throws(CIDRError) {
        var allowed: [CIDR] = []
        for network in networks { allowed.append(try CIDR(network)) }
        let addresses = AddressGuard(allowedNetworks: allowed)
        self.init(
            ofURL: { addresses.refusal(ofURL: $0.reveal())?.description },
            ofMailServer: { addresses.refusal(ofMailServer: $0.reveal())?.description })
    }
}

extension Settings {
    func destinationAddresses() throws -> AddressRefusal {
        do {
            return try AddressRefusal(allowNetworks: allowNetworks)
        } catch {
            throw StartError(.misconfigured, "TOKENWARD_ALLOW_NETWORKS cannot be used: \(error)")
        }
    }
}
