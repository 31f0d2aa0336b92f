package notice

// builtIn is the catalogue that the program brings.
func builtIn() map[string]map[Kind]string {
	return map[string]map[Kind]string{
		"en": {
			Registered:       "Mobile ID: your registration is complete.",
			Blocked:          "Mobile ID: your personal code is blocked after wrong entries. {unblock}",
			Expiring:         "Mobile ID: your certificate expires on {date}. {renew}",
			Suspended:        "Mobile ID: your service is suspended. {help}",
			Reactivated:      "Mobile ID: your service is active again.",
			Revoked:          "Mobile ID: your certificate is revoked. To use the service again you must register anew. {help}",
			Left:             "Mobile ID: your registration has ended.",
			CardChanged:      "Mobile ID: your number has a new SIM card. The old card signs no more; please register with the new one. {help}",
			Late:             "Mobile ID: your answer came too late: the request had expired. Your signature was given to nobody.",
			LateRegistration: "Mobile ID: your answer came too late: the registration had expired. Please begin again.",
			WrongPoP:         "Mobile ID: the registration code was wrong. You are not registered. {help}",
			NotRegistered:    "Mobile ID: your registration has failed. The service is not active. {help}",
			Renew:            "To renew it, ask customer care or where you registered, and confirm on your phone with your code. {help}",
			Unblock:          "Choose 'Unblock personal code' in the menu of your SIM card and enter your unblocking code. {help}",
			UnblockSignature: "Choose 'Unblock signature code' in the menu of your SIM card and enter your unblocking code. {help}",
			UnblockCare:      "Customer care unblocks it. {help}",
		},
		"fi": {
			Registered:       "Mobiilivarmenne: rekisteröinti on valmis.",
			Blocked:          "Mobiilivarmenne: tunnuslukusi on lukittu väärien yritysten vuoksi. {unblock}",
			Expiring:         "Mobiilivarmenne: varmenteesi vanhenee {date}. {renew}",
			Suspended:        "Mobiilivarmenne: palvelusi on keskeytetty. {help}",
			Reactivated:      "Mobiilivarmenne: palvelusi on taas käytössä.",
			Revoked:          "Mobiilivarmenne: varmenteesi on peruutettu. Palvelun käyttö vaatii uuden rekisteröinnin. {help}",
			Left:             "Mobiilivarmenne: rekisteröinti on päättynyt.",
			CardChanged:      "Mobiilivarmenne: numerollasi on uusi SIM-kortti. Vanha kortti ei enää allekirjoita; rekisteröidy uudella kortilla. {help}",
			Late:             "Mobiilivarmenne: vastauksesi tuli liian myöhään: pyyntö oli vanhentunut. Allekirjoitustasi ei annettu kenellekään.",
			LateRegistration: "Mobiilivarmenne: vastauksesi tuli liian myöhään: rekisteröinti oli vanhentunut. Aloita uudelleen.",
			WrongPoP:         "Mobiilivarmenne: rekisteröintikoodi oli väärä. Sinua ei ole rekisteröity. {help}",
			NotRegistered:    "Mobiilivarmenne: rekisteröinti epäonnistui. Palvelu ei ole käytössä. {help}",
			Renew:            "Uusi se ennen sitä: pyydä uusimista asiakaspalvelusta tai rekisteröintipaikasta ja vahvista puhelimellasi. {help}",
			Unblock:          "Valitse SIM-kortin valikosta 'Avaa tunnusluvun lukitus' ja anna avauskoodi. {help}",
			UnblockSignature: "Valitse SIM-kortin valikosta 'Avaa allekirjoituksen tunnusluku' ja anna avauskoodi. {help}",
			UnblockCare:      "Asiakaspalvelu avaa lukituksen. {help}",
		},
		"de": german(),
		"fr": french(),
		"et": estonian(),
	}
}

func estonian() map[Kind]string {
	return map[Kind]string{
		Registered:       "Mobiil-ID: registreerimine on lõpetatud.",
		Blocked:          "Mobiil-ID: teie kood on lukus, sest sisestati vale kood. {unblock}",
		Expiring:         "Mobiil-ID: teie sertifikaat aegub {date}. {renew}",
		Suspended:        "Mobiil-ID: teie teenus on peatatud. {help}",
		Reactivated:      "Mobiil-ID: teie teenus töötab taas.",
		Revoked:          "Mobiil-ID: teie sertifikaat on tühistatud. Teenuse kasutamiseks tuleb uuesti registreeruda. {help}",
		Left:             "Mobiil-ID: registreering on lõppenud.",
		CardChanged:      "Mobiil-ID: teie numbril on uus SIM-kaart. Vana kaart enam ei allkirjasta; palun registreeruge uuega. {help}",
		Late:             "Mobiil-ID: teie vastus tuli liiga hilja: päring oli aegunud. Teie allkirja ei antud kellelegi.",
		LateRegistration: "Mobiil-ID: teie vastus tuli liiga hilja: registreerimine oli aegunud. Palun alustage uuesti.",
		WrongPoP:         "Mobiil-ID: registreerimiskood oli vale. Te ei ole registreeritud. {help}",
		NotRegistered:    "Mobiil-ID: registreerimine ebaõnnestus. Teenus ei ole aktiivne. {help}",
		Renew:            "Uuendamiseks pöörduge enne seda klienditeenindusse ja kinnitage oma telefonis koodiga. {help}",
		Unblock:          "Valige SIM-kaardi menüüst 'Ava isiklik kood' ja sisestage avamiskood. {help}",
		UnblockSignature: "Valige SIM-kaardi menüüst 'Ava allkirjakood' ja sisestage avamiskood. {help}",
		UnblockCare:      "Klienditeenindus avab selle. {help}",
	}
}

func french() map[Kind]string {
	return map[Kind]string{
		Registered:       "Mobile ID : votre enregistrement est terminé.",
		Blocked:          "Mobile ID : votre code personnel est bloqué après des saisies erronées. {unblock}",
		Expiring:         "Mobile ID : votre certificat expire le {date}. {renew}",
		Suspended:        "Mobile ID : votre service est suspendu. {help}",
		Reactivated:      "Mobile ID : votre service est de nouveau actif.",
		Revoked:          "Mobile ID : votre certificat est révoqué. Pour utiliser à nouveau le service, vous devez vous réenregistrer. {help}",
		Left:             "Mobile ID : votre enregistrement est terminé, le service est arrêté.",
		CardChanged:      "Mobile ID : votre numéro a une nouvelle carte SIM. L'ancienne ne signe plus ; veuillez vous enregistrer avec la nouvelle. {help}",
		Late:             "Mobile ID : votre réponse est arrivée trop tard : la demande avait expiré. Votre signature n'a été remise à personne.",
		LateRegistration: "Mobile ID : votre réponse est arrivée trop tard : l'enregistrement avait expiré. Veuillez recommencer.",
		WrongPoP:         "Mobile ID : le code d'enregistrement était faux. Vous n'êtes pas enregistré. {help}",
		NotRegistered:    "Mobile ID : votre enregistrement a échoué. Le service n'est pas actif. {help}",
		Renew:            "Pour le renouveler, adressez-vous avant au service client ou au lieu d'enregistrement, puis confirmez sur votre téléphone avec votre code. {help}",
		Unblock:          "Choisissez 'Débloquer le code' dans le menu de votre carte SIM et entrez le code de déblocage. {help}",
		UnblockSignature: "Choisissez 'Débloquer le code de signature' dans le menu de votre carte SIM et entrez le code de déblocage. {help}",
		UnblockCare:      "Le service client le débloque. {help}",
	}
}

func german() map[Kind]string {
	return map[Kind]string{
		Registered:       "Mobile ID: Ihre Registrierung ist abgeschlossen.",
		Blocked:          "Mobile ID: Ihr persönlicher Code ist nach falschen Eingaben gesperrt. {unblock}",
		Expiring:         "Mobile ID: Ihr Zertifikat läuft am {date} ab. {renew}",
		Suspended:        "Mobile ID: Ihr Dienst ist ausgesetzt. {help}",
		Reactivated:      "Mobile ID: Ihr Dienst ist wieder aktiv.",
		Revoked:          "Mobile ID: Ihr Zertifikat ist widerrufen. Um den Dienst wieder zu nutzen, müssen Sie sich neu registrieren. {help}",
		Left:             "Mobile ID: Ihre Registrierung ist beendet.",
		CardChanged:      "Mobile ID: Ihre Nummer hat eine neue SIM-Karte. Die alte signiert nicht mehr; bitte registrieren Sie sich mit der neuen. {help}",
		Late:             "Mobile ID: Ihre Antwort kam zu spät: die Anfrage war abgelaufen. Ihre Signatur hat niemand erhalten.",
		LateRegistration: "Mobile ID: Ihre Antwort kam zu spät: die Registrierung war abgelaufen. Bitte beginnen Sie neu.",
		WrongPoP:         "Mobile ID: der Registrierungscode war falsch. Sie sind nicht registriert. {help}",
		NotRegistered:    "Mobile ID: Ihre Registrierung ist gescheitert. Der Dienst ist nicht aktiv. {help}",
		Renew:            "Um es zu erneuern, wenden Sie sich vorher an den Kundendienst oder Ihre Registrierungsstelle und bestätigen Sie am Telefon mit Ihrem Code. {help}",
		Unblock:          "Wählen Sie im Menü Ihrer SIM-Karte 'Code entsperren' und geben Sie den Entsperrcode ein. {help}",
		UnblockSignature: "Wählen Sie im Menü Ihrer SIM-Karte 'Signaturcode entsperren' und geben Sie den Entsperrcode ein. {help}",
		UnblockCare:      "Der Kundendienst entsperrt ihn. {help}",
	}
}
