module longwire/interop/plus

go 1.21

require mellium.im/sasl v0.3.2

require golang.org/x/crypto v0.27.0 // indirect
