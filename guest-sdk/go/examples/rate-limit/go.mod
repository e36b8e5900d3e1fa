module rate-limit

go 1.24

require boathook v0.1.0

replace boathook => ../..
