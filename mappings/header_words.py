"""Which canonical name a column's title speaks of, as exports and lists title their columns."""

import re
from typing import Final

from mappings.records import Kind

Titles = dict[str, tuple[str, ...]]

# Titles without blanks, case and punctuation, the likeliest first; `*` at an end stands for any rest.
_PATIENTS: Final[Titles] = {
    "external_id": (
        "externalid", "patientid", "patientnumber", "patientno", "patid", "mrn", "chartnumber", "chartno", "accountnumber",
        "clientid", "leadid", "contactid", "recordid", "pid", "id", "patient",
    ),
    "given_name": ("givenname", "firstname", "patientfirstname", "fname", "first", "given", "forename"),
    "family_name": ("familyname", "lastname", "patientlastname", "lname", "last", "surname", "family"),
    "full_name": ("fullname", "patientname", "name", "clientname", "contactname"),
    "preferred_name": ("preferredname", "preferredfirstname", "nickname", "goesby"),
    "birth_date": ("birthdate", "dateofbirth", "dob", "patientdob", "birthday", "bdate"),
    "sex": ("sex", "gender", "birthsex", "administrativesex"),
    "email": ("email", "emailaddress", "patientemail", "mail", "primaryemail", "email1", "homeemail"),
    "phone": (
        "phone", "mobile", "mobilephone", "cellphone", "cell", "phonecell", "phonenumber", "mobilenumber", "primaryphone",
        "telephone", "phone1", "homephone", "phonehome", "tel",
    ),
    "address_line": ("addressline", "address", "address1", "addressline1", "street", "streetaddress", "mailingaddress"),
    "city": ("city", "town", "suburb"),
    "region": ("region", "state", "province", "stateprovince"),
    "postal_code": ("postalcode", "zip", "zipcode", "postcode", "zippostalcode"),
    "country": ("country", "countrycode"),
    "language": ("language", "preferredlanguage", "primarylanguage"),
    "active": ("active", "isactive", "patientstatus", "activestatus"),
    "deceased": ("deceased", "isdeceased", "deceaseddate", "dateofdeath", "dod"),
    "replaced_by": ("replacedby", "mergedinto", "mergedto"),
    "payer": ("payer", "payertype", "insurancetype", "primaryinsurance", "insurance", "insurancename", "primarypayer"),
    "referral_source": ("referralsource", "referredfrom", "hearaboutus", "howdidyouhear*"),
    "referred_by": ("referredby", "referringprovider", "referringphysician", "referrer", "referringdoctor"),
    "referral_received": ("referralreceived", "referraldate", "referralreceiveddate", "datereferred"),
    "lead_source": ("leadsource", "source", "utmsource", "channel"),
    "lead_since": ("leadsince", "leaddate", "inquirydate", "enquirydate", "submittedat", "submitted", "dateadded"),
    "campaign": ("campaign", "campaignname", "utmcampaign"),
    "guardian_email": ("guardianemail", "parentemail", "responsiblepartyemail"),
    "guardian_name": ("guardianname", "guardiansname", "guardian", "parentname", "parentguardian", "responsibleparty"),
    "created_at": ("createdat", "created", "createddate", "datecreated", "registrationdate", "regdate", "createdon"),
}  # fmt: skip
_VISITS: Final[Titles] = {
    "external_id": (
        "externalid", "appointmentid", "apptid", "visitid", "bookingid", "eventid", "appointmentnumber", "recordid", "id",
    ),
    "patient_id": (
        "patientid", "patientnumber", "patientno", "patid", "mrn", "patientmrn", "clientid", "chartnumber",
        "accountnumber", "patient",
    ),
    "episode_id": ("episodeid", "caseid", "casenumber", "planofcareid", "case"),
    "provider": ("provider", "providername", "therapist", "therapistname", "practitioner", "clinician", "resource", "doctor"),
    "kind": ("kind", "appointmenttype", "appttype", "visittype", "type", "service", "servicename", "reason"),
    "starts_at": (
        "startsat", "start", "starttime", "startdate", "startdatetime", "appointmentdate", "apptdate", "appointmentstart",
        "appointmentdatetime", "visitdate", "dateofservice", "dos", "date",
    ),
    "ends_at": ("endsat", "end", "endtime", "enddate", "enddatetime", "appointmentend"),
    "status": ("status", "appointmentstatus", "apptstatus", "visitstatus", "state"),
    "created_at": ("createdat", "created", "createddate", "datecreated", "bookedat", "bookedon", "datebooked"),
}  # fmt: skip
_EPISODES: Final[Titles] = {
    "external_id": ("externalid", "episodeid", "caseid", "casenumber", "planofcareid", "recordid", "id", "case"),
    "patient_id": ("patientid", "patientnumber", "patientno", "patid", "mrn", "clientid", "chartnumber", "patient"),
    "kind": ("kind", "casetype", "episodetype", "type", "specialty", "discipline"),
    "started_on": ("startedon", "startdate", "casestartdate", "caseopened", "opendate", "dateopened", "evaluationdate", "start"),
    "discharged_on": ("dischargedon", "dischargedate", "caseclosed", "closedate", "dateclosed", "enddate", "closed", "discharged"),
    "discharge_reason": ("dischargereason", "reasonfordischarge", "closereason", "outcome"),
    "visits_prescribed": ("visitsprescribed", "prescribedvisits", "plannedvisits", "visitsordered"),
    "visits_authorized": ("visitsauthorized", "authorizedvisits", "visitauthorizedfor"),
    "authorization_ends": ("authorizationends", "authenddate", "authorizationend", "authexpires"),
}  # fmt: skip

TITLES: Final[dict[Kind, Titles]] = {"patients": _PATIENTS, "appointments": _VISITS, "episodes": _EPISODES}
CLINIC: Final = ("site", "clinic", "clinicid", "location", "locationid", "facility", "facilityid", "office", "branch")
TIME_OF_DAY: Final = ("starttime", "time", "appointmenttime", "appttime", "visittime", "timestart")
END_OF_DAY: Final = ("endtime", "timeend")
_CONSENT = re.compile(
    r"consent|optin|opted|allow(s|ed)?(email|sms|text)|accepted.*marketing|newsletter|emailok|okto(email|text)"
)


def plain(title: str) -> str:
    """A title without case, blanks and punctuation; what stands before the last dot says where it is from."""
    short = re.sub(r"[\W_]", "", title.casefold())
    last = re.sub(r"[\W_]", "", title.rpartition(".")[2].casefold())
    return last if "." in title and last else short


def rank(title: str, kind: Kind, name: str) -> int | None:
    """How likely a title is to mean a canonical name: 0 the likeliest, None not at all."""
    word = plain(title)
    for place, known in enumerate(TITLES[kind].get(name, ())):
        if word == known or (known.endswith("*") and word.startswith(known[:-1])):
            return place
    return None


def speaks_of_consent(title: str) -> bool:
    """True for a title that is about being written to."""
    return _CONSENT.search(re.sub(r"[\W_]", "", title.casefold())) is not None
